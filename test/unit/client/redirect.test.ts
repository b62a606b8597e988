import { describe, expect, it } from 'vitest';
import { followingHop, type Hop, isRedirect } from '../../../src/client/redirect.js';

const here: Hop = {
  url: new URL('https://inventory.example.com/stock/42?full#part'),
  method: 'GET',
  headers: new Headers({ accept: 'application/json', cookie: 'a=b', 'proxy-authorization': 'Basic x' }),
  hasBody: false,
  authorized: true,
};
const posting: Hop = {
  ...here,
  method: 'POST',
  headers: new Headers({ 'content-type': 'application/json', 'content-length': '2', 'x-trace': '7' }),
  hasBody: true,
};

function answer(status: number, location: string): Response {
  return new Response(null, { status, headers: { location } });
}

describe('isRedirect', () => {
  it.each([301, 302, 303, 307, 308])('is true for %s with a location', (status) => {
    expect(isRedirect(answer(status, '/'))).toBe(true);
    expect(isRedirect(new Response(null, { status }))).toBe(false);
  });

  it.each([200, 201, 300, 304, 305, 306, 401])('is false for %s', (status) => {
    expect(isRedirect(answer(status, '/'))).toBe(false);
  });
});

describe('followingHop', () => {
  it.each([
    ['/other', 'https://inventory.example.com/other#part'],
    ['other?x#new', 'https://inventory.example.com/stock/other?x#new'],
    ['https://inventory.example.com:443/', 'https://inventory.example.com/#part'],
    [Buffer.from('/stück').toString('latin1'), 'https://inventory.example.com/st%C3%BCck#part'],
  ])('keeps the token on the same origin: %s', { tags: ['CLI-19'] }, (location, url) => {
    const next = followingHop(here, answer(302, location), true);
    expect(next.url.href).toBe(url);
    expect(next.authorized).toBe(true);
    expect(next.headers.get('cookie')).toBe('a=b');
  });

  it.each([
    'https://other.example.com/',
    'https://sub.inventory.example.com/',
    'https://inventory.example.com:8443/',
    'http://inventory.example.com/',
    '//evil.example/',
    'https://inventory.example.com@evil.example/',
    'https:\\\\evil.example/',
  ])('leaves the token behind on the way to %s', { tags: ['CLI-19'] }, (location) => {
    const away = followingHop(here, answer(307, location), true);
    expect(away.authorized).toBe(false);
    expect([...away.headers.keys()]).toEqual(['accept']);
    for (const location of ['/stays', here.url.href]) {
      const next = followingHop(away, answer(307, location), true);
      expect(next.authorized).toBe(false);
      expect(followingHop(next, answer(307, '/stays'), true).authorized).toBe(false);
    }
  });

  it.each([
    [301, 'POST', 'GET'],
    [302, 'post', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [301, 'PUT', 'PUT'],
    [302, 'DELETE', 'DELETE'],
    [307, 'POST', 'POST'],
    [308, 'PATCH', 'PATCH'],
  ])('turns, after %s, a %s into a %s, as the Fetch standard says', (status, method, next) => {
    const following = followingHop({ ...posting, method }, answer(status, '/'), true);
    const becameGet = next === 'GET';
    expect(following.method).toBe(next);
    expect(following.hasBody).toBe(!becameGet);
    expect([...following.headers.keys()]).toEqual(
      becameGet ? ['x-trace'] : ['content-length', 'content-type', 'x-trace'],
    );
  });

  it('leaves HEAD alone', () => {
    expect(followingHop({ ...here, method: 'HEAD' }, answer(303, '/'), true).method).toBe('HEAD');
  });

  it.each([301, 302, 307, 308])('fails if %s needs a stream again', (status) => {
    expect(() => followingHop(posting, answer(status, '/'), false)).toThrow(TypeError);
  });

  it('goes on without the stream after 303', () => {
    expect(followingHop(posting, answer(303, '/'), false)).toMatchObject({ method: 'GET', hasBody: false });
  });

  it.each(['http://[', 'file:///etc/passwd', 'data:text/plain,x', 'javascript:alert(1)'])(
    'fails if a redirect leads to %s',
    (location) => {
      expect(() => followingHop(here, answer(302, location), true)).toThrow(TypeError);
    },
  );
});
