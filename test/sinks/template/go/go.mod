module rendering

go 1.21
