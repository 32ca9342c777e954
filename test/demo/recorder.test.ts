import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../../src/demo/folder.js';
import { Recorder } from '../../src/demo/recorder.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();
let target: Server;
let recorder: Recorder;
let port: number;
let sockets: Socket[];

/** A server that answers every piece of text with the same in capitals. */
beforeEach(async () => {
  sockets = [];
  target = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (bytes) => socket.write(bytes.toString('latin1').toUpperCase(), 'latin1'));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  port = await freePort();
  recorder = await Recorder.start(port, (target.address() as AddressInfo).port, scratch.path('traffic'));
});
afterEach(async () => {
  await recorder.stop();
  for (const s of sockets) s.destroy();
  await new Promise((resolve) => target.close(resolve));
});

async function client(): Promise<{
  say: (text: string) => Promise<string>;
  closed: Promise<void>;
  socket: Socket;
}> {
  const socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const say = (text: string) =>
    new Promise<string>((resolve) => {
      let heard = '';
      const listen = (bytes: Buffer) => {
        heard += bytes.toString('latin1');
        if (heard.length < text.length) return;
        socket.off('data', listen);
        resolve(heard);
      };
      socket.on('data', listen);
      socket.write(text, 'latin1');
    });
  return { say, closed, socket };
}

describe('the recorder', () => {
  it('relays both ways, and writes down both ways', async () => {
    const { say, socket } = await client();
    expect(await say('hello')).toBe('HELLO');
    expect(await say('\x00\x9dend')).toBe('\x00\x9dEND');
    socket.end();
    await recorder.stop();
    const traffic = readFileSync(scratch.path('traffic'), 'latin1');
    for (const text of ['hello', 'HELLO', 'end', 'END']) expect(traffic).toContain(text);
    expect(recorder.bytes).toBe(traffic.length);
  });

  it('loses nothing of a large transfer, of several at once', async () => {
    const clients = await Promise.all([client(), client(), client()]);
    const text = (mark: string) => mark.repeat(400_000);
    const heard = await Promise.all(clients.map((c, i) => c.say(text('abc'[i]!))));
    heard.forEach((h, i) => {
      expect(h === text('ABC'[i]!)).toBe(true);
    });
    await recorder.stop();
    const traffic = readFileSync(scratch.path('traffic'), 'latin1');
    expect(traffic.length).toBe(6 * 400_000);
    for (const mark of 'abcABC') expect(traffic.split(mark).length - 1).toBe(400_000);
  });

  it('closes what it relays when either side goes, and when it is stopped', async () => {
    const first = await client();
    await first.say('x');
    sockets[0]!.destroy();
    await first.closed;
    const second = await client();
    await second.say('y');
    const gone = new Promise<void>((resolve) => sockets[1]!.once('close', () => resolve()));
    second.socket.destroy();
    await gone;
    const third = await client();
    await third.say('z');
    await recorder.stop();
    await third.closed;
  });

  it('closes the connection when nobody listens behind it, and goes on', async () => {
    const away = await freePort();
    port = await freePort();
    const other = await Recorder.start(port, away, scratch.path('other'));
    await (await client()).closed;
    await (await client()).closed;
    await other.stop();
    expect(other.bytes).toBe(0);
  });

  it('says when its port is taken', async () => {
    await expect(Recorder.start(port, 1, scratch.path('second'))).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});
