"""Runs a command in a pseudo-terminal: pseudo_terminal.py COLUMNS ROWS COMMAND…

What comes in on stdin is typed, what the terminal shows goes to stdout. Ends as the command does; 128 and the
signal's number more where a signal ended it.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

columns, rows, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
    os.execvp(command[0], command)

inputs = [0, terminal]
while terminal in inputs:
    for source in select.select(inputs, [], [])[0]:
        try:
            data = os.read(source, 65536)
        except OSError:
            data = b""  # Linux says so once the other side has closed
        if not data:
            inputs.remove(source)
        elif source == 0:
            os.write(terminal, data)
        else:
            os.write(1, data)
status = os.waitpid(child, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
