/** Takes what a camera gives. */
export interface FrameSink {
  /**
   * A whole picture, not decoded yet.
   * @param from what took it, where one camera stands for several, such as an MQTT topic
   */
  frame(bytes: Buffer, from?: string): void;
  /** Something came that is no whole picture. */
  bad(reason: string): void;
  /** The program or connection ended, stalled or could not be begun; it is begun again after a while. */
  failed(reason: string): void;
  /** It ended as it should, and is not begun again. */
  ended(reason: string): void;
}

/** Where a camera's pictures come from: a program, a connection, a poll. It never throws into the daemon. */
export interface FrameSource {
  start(sink: FrameSink): void;
  /** Resolves when its programs and connections have ended. */
  stop(): Promise<void>;
}
