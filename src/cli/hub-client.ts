import { LichenError, messageOf } from '../errors.js';
import type { DeviceView, EventView, InstallView, PackView, ResultView } from '../hub/views.js';

/** A device as GET /api/devices/:id answers. */
export type DeviceDetail = DeviceView & { events: EventView[]; results: Record<string, ResultView[]> };

/** Talks to a hub's HTTP API. */
export class HubClient {
  /** The hub's address. */
  readonly address: string;

  /** @param base the hub's address, as in http://127.0.0.1:8080 */
  constructor(base: string) {
    this.address = base.replace(/\/+$/, '');
  }

  /** Whether the hub answers, within two seconds. */
  async healthy(): Promise<boolean> {
    try {
      // A connection that is closed before the question was sent leaves it waiting for ever.
      return (await fetch(`${this.address}/healthz`, { signal: AbortSignal.timeout(2000) })).ok;
    } catch {
      return false;
    }
  }

  /** A device, or undefined while the hub has never heard of it. */
  async device(id: string): Promise<DeviceDetail | undefined> {
    const response = await this.send('GET', `/api/devices/${id}`);
    if (response.status === 404) return undefined;
    return (await this.read(response)) as DeviceDetail;
  }

  /**
   * Has a device do something and returns what it answers.
   * @throws LichenError `hub-refused`, with what the hub or the device said
   */
  async request<T>(device: string, verb: string, fields: object = {}, timeoutSeconds = 600): Promise<T> {
    const body = JSON.stringify({ ...fields, timeoutSeconds });
    const response = await this.send(
      'POST',
      `/api/devices/${device}/request/${verb}`,
      body,
      'application/json',
    );
    return ((await this.read(response)) as { data: T }).data;
  }

  /** Gives the hub a pack. */
  async upload(pack: Uint8Array): Promise<PackView> {
    const response = await this.send('POST', '/api/packs', pack, 'application/octet-stream');
    return (await this.read(response)) as PackView;
  }

  /** Has the hub install a pack on a device. */
  async install(pack: string, device: string): Promise<InstallView> {
    const body = JSON.stringify({ pack });
    return (await this.read(
      await this.send('POST', `/api/devices/${device}/install`, body, 'application/json'),
    )) as InstallView;
  }

  private async send(
    method: string,
    path: string,
    body?: string | Uint8Array,
    type?: string,
  ): Promise<Response> {
    try {
      return await fetch(`${this.address}${path}`, {
        method,
        body,
        headers: type ? { 'content-type': type } : {},
      });
    } catch (error) {
      const cause = error instanceof Error && error.cause ? error.cause : error;
      throw new LichenError(
        'hub-unreachable',
        `no hub answers at ${this.address}: ${messageOf(cause)}. Is it running?`,
      );
    }
  }

  private async read(response: Response): Promise<unknown> {
    const body = (await response.json()) as { error?: { code?: string; message?: string } };
    if (response.ok) return body;
    throw new LichenError('hub-refused', body.error?.message ?? `the hub answered ${response.status}`);
  }
}
