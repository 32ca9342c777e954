import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Debian's own: the bindings to GStreamer are its packages. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('rtsp-server.py', import.meta.url));
const LOOKS = "import gi; gi.require_version('GstRtspServer', '1.0')";

/** Whether tests with a real RTSP server run here; in CI they always do. */
export const rtspServer = {
  runs: process.env.CI !== undefined || spawnSync(PYTHON, ['-c', LOOKS]).status === 0,
  reason:
    'skipped: no RTSP server (Debian: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good)',
};

/** A camera that speaks RTSP, in a process of its own: GStreamer's server shows a film to everyone who connects. */
export class RtspCamera {
  readonly url: string;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.child = child;
    this.url = url;
  }

  static start(film: string): Promise<RtspCamera> {
    const child = spawn(PYTHON, [SCRIPT, film], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    return new Promise((resolve, reject) => {
      child.stdout
        .setEncoding('utf8')
        .once('data', (line: string) => resolve(new RtspCamera(child, line.trim())));
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the RTSP server ended with code ${code}: ${said}`)));
    });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.child.kill('SIGKILL');
    await ended;
  }
}
