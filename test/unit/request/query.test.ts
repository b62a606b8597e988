import { describe, expect, it } from 'vitest';
import { parseQuery, queryText } from '../../../src/request/query.js';

describe('queryText and parseQuery', () => {
  it.each([
    ['/a', '', []],
    ['/a?', '', []],
    ['/a?b', 'b', [['b', '']]],
    [
      '/a?b=1&c=2#d?e',
      'b=1&c=2',
      [
        ['b', '1'],
        ['c', '2'],
      ],
    ],
    ['/a#b?c=1', '', []],
    ['/a??b=1', '?b=1', [['?b', '1']]],
    ['/a?b?c=1', 'b?c=1', [['b?c', '1']]],
    ['/a?b=1+2%203', 'b=1+2%203', [['b', '1 2 3']]],
    ['/a?&&b', '&&b', [['b', '']]],
  ])('read %s', { tags: ['BRR-10'] }, (url, query, parameters) => {
    expect(queryText(url)).toBe(query);
    expect([...parseQuery(query)]).toEqual(parameters);
  });
});
