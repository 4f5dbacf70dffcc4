import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError, ask, encodeParams, retryDelayMs, shouldRetry } from './client';

const answerWith = (body: string, init?: ResponseInit): ReturnType<typeof vi.fn> => {
  const fake = vi.fn(async () => new Response(body, init));
  vi.stubGlobal('fetch', fake);
  return fake;
};

afterEach(() => vi.unstubAllGlobals());

describe('ask', () => {
  it('gives the data with what the server said about it', async () => {
    answerWith('{"status":"success","data":["a"],"warnings":["w"],"infos":["i"]}');
    expect(await ask('/api/v1/labels')).toMatchObject({ data: ['a'], warnings: ['w'], infos: ['i'] });
  });

  it.each([
    ['{"status":"error","errorType":"bad_data","error":"1:2: parse error: x"}', 400, 'bad_data', '1:2: parse error: x'],
    ['{"status":"error","errorType":"timeout","error":"too slow"}', 503, 'timeout', 'too slow'],
    ['upstream is down', 502, 'http', 'upstream is down'],
    ['', 404, 'http', '/api/v1/labels: HTTP status 404'],
    ['<html>', 200, 'format', '/api/v1/labels did not answer with JSON: <html>'],
    ['{"status":"success"}', 200, 'http', '/api/v1/labels: HTTP status 200'],
  ])('throws for %s with status %d', async (body, status, kind, message) => {
    answerWith(body, { status });
    await expect(ask('/api/v1/labels')).rejects.toMatchObject({ kind, message, httpStatus: status });
  });

  it('says so when there is no server', async () => {
    vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('refused')));
    await expect(ask('/api/v1/labels')).rejects.toMatchObject({ kind: 'network' });
  });

  it('puts short questions into the address and long ones into the body', async () => {
    const fake = answerWith('{"status":"success","data":1}');
    await ask('/api/v1/query', { query: 'up' });
    await ask('/api/v1/query', { query: 'x'.repeat(3000) });
    expect(fake.mock.calls[0]?.[0]).toBe('/api/v1/query?query=up');
    expect(fake.mock.calls[1]?.[0]).toBe('/api/v1/query');
    expect(fake.mock.calls[1]?.[1]).toMatchObject({ method: 'POST' });
  });
});

describe('encodeParams', () => {
  it.each([
    [{ a: 'x y', b: undefined }, 'a=x+y'],
    [{ 'match[]': ['up', 'a{b="c"}'] }, 'match%5B%5D=up&match%5B%5D=a%7Bb%3D%22c%22%7D'],
    [{}, ''],
  ])('%j', (params, expected) => expect(encodeParams(params)).toBe(expected));
});

describe('trying again', () => {
  const busy = (retryAfterMs = 0) => new ApiError('unavailable', 'busy', 503, retryAfterMs);
  it.each([
    [0, busy(), true],
    [2, busy(), true],
    [3, busy(), false],
    [0, new ApiError('timeout', 'too slow', 503), false],
    [0, new ApiError('bad_data', 'wrong', 400), false],
    [0, new Error('a bug'), false],
  ])('after %d failures', (failures, error, expected) => expect(shouldRetry(failures, error)).toBe(expected));

  it.each([
    [0, busy(), 500],
    [1, busy(), 1000],
    [9, busy(), 8000],
    [0, busy(3000), 3000],
    [0, busy(60_000), 8000],
  ])('waits longer each time: %d', (failures, error, expected) => expect(retryDelayMs(failures, error)).toBe(expected));
});
