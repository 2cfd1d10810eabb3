/** JSON with its keys sorted and its numbers in one spelling, however large they are. */
export function canonicalJson(text: string): string {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[^\s",:{}[\]]+|[{}[\],:]/g) ?? [];
  let at = 0;
  const value = (): string => {
    const token = tokens[at]!;
    at += 1;
    if (token === '[') return `[${list(']', value)}]`;
    if (token === '{') return `{${list('}', member)}}`;
    if (token.startsWith('"')) return JSON.stringify(JSON.parse(token));
    return /\d/.test(token) ? spell(token) : token;
  };
  const member = () => {
    const key = value();
    at += 1;
    return `${key}:${value()}`;
  };
  const list = (close: string, item: () => string): string => {
    const items: string[] = [];
    while (tokens[at] !== close) {
      items.push(item());
      if (tokens[at] === ',') at += 1;
    }
    at += 1;
    return close === '}' ? items.sort().join() : items.join();
  };
  return value();
}

function spell(number: string): string {
  const [mantissa = '', exponent = '0'] = number.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const scale = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${number.startsWith('-') ? '-' : ''}${significant}e${scale}`;
}
