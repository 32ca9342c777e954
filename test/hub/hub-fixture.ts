import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type HubConfig, hubConfigSchema } from '../../src/hub/config.js';
import { HTTP_LIMITS } from '../../src/hub/http.js';
import { type Hub, startHub } from '../../src/hub/hub.js';
import { hubMigrations } from '../../src/hub/schema.js';
import { Link, type LinkOptions } from '../../src/link/link.js';
import { type Database, openDatabase } from '../../src/store/database.js';
import { birth } from '../link/examples.js';
import { StoreFixture } from '../link/store-fixture.js';

/** A real hub on loopback with a store of its own, and devices with real stores that connect to it. */
export class HubFixture {
  readonly folder = mkdtempSync(join(tmpdir(), 'lichen-hub-'));
  config: HubConfig;
  private hub: Hub | undefined;
  private readonly devices: { link: Link; store: StoreFixture }[] = [];

  constructor(settings: object = {}) {
    this.config = hubConfigSchema.parse({
      store: this.folder,
      mqtt: { port: 0 },
      http: { port: 0 },
      log: 'silent',
      ...settings,
    });
  }

  /** Starts the hub; when it is started again, on the ports that it had. */
  async start(limits = HTTP_LIMITS): Promise<Hub> {
    this.hub = await startHub(this.config, pino({ level: this.config.log }), limits);
    this.config = {
      ...this.config,
      mqtt: { ...this.config.mqtt, port: this.hub.mqttPort },
      http: { ...this.config.http, port: this.hub.httpPort },
    };
    return this.hub;
  }

  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${this.config.mqtt.port}`;
  }

  get url(): string {
    return `http://127.0.0.1:${this.config.http.port}`;
  }

  /** A device with a store of its own, not started yet. */
  device(device: string, more: Partial<LinkOptions> = {}): { link: Link; store: StoreFixture } {
    const store = new StoreFixture();
    const link = new Link({
      url: this.mqttUrl,
      device,
      outbox: store.outbox,
      requests: store.requests,
      protocolVersion: 4,
      bootSequence: 1,
      birth: () => birth,
      reconnect: { minMs: 10, maxMs: 50 },
      log: pino({ level: 'silent' }),
      ...more,
    });
    const made = { link, store };
    this.devices.push(made);
    return made;
  }

  async get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
    return this.call(path, {});
  }

  async post(path: string, body: unknown = {}): Promise<{ status: number; body: Record<string, unknown> }> {
    return this.call(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  async call(
    path: string,
    init: RequestInit & { headers?: Record<string, string> },
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    // A kept connection would be one to the hub before a restart.
    const headers = { ...init.headers, connection: 'close' };
    const response = await fetch(`${this.url}${path}`, { ...init, headers });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** The hub's database, opened beside the hub. The caller closes it. */
  database(): Database {
    return openDatabase(join(this.folder, 'hub.db'), hubMigrations, { readOnly: true });
  }

  async stopHub(): Promise<void> {
    await this.hub?.stop();
    this.hub = undefined;
  }

  async remove(): Promise<void> {
    for (const { link, store } of this.devices) {
      await link.stop();
      store.remove();
    }
    await this.stopHub();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
