import { LichenError } from '../errors.js';

/**
 * Scheme, host and port of a broker's URL, without user and password: safe to log.
 * @throws LichenError `link-url-invalid`.
 */
export function brokerOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed !== undefined && /^mqtts?:$/.test(parsed.protocol) && parsed.hostname !== '') {
    return `${parsed.protocol}//${parsed.host}`;
  }
  throw new LichenError(
    'link-url-invalid',
    `The broker's address ${JSON.stringify(url)} is not usable: expected mqtt://host:port or mqtts://host:port.`,
  );
}

/** Says in words why a broker could not be used, and what to do where that is known. */
export function explainFailure(broker: string, protocolVersion: 4 | 5, error: Error): string {
  const code = 'code' in error ? error.code : undefined;
  // CONNACK return codes of MQTT 3.1.1 and reason codes of MQTT 5.
  if (code === 1 || code === 0x84) {
    const [spoken, other] =
      protocolVersion === 5 ? ['MQTT 5', '4 (MQTT 3.1.1)'] : ['MQTT 3.1.1', '5 (MQTT 5)'];
    return `${broker} does not speak ${spoken}; set the protocol version to ${other}.`;
  }
  if (code === 4 || code === 5 || code === 0x86 || code === 0x87) {
    return `${broker} refuses this device (${error.message}); check its user name and password.`;
  }
  // Node leaves the message empty when every address of a host name failed.
  return `${broker} is not reachable: ${error.message === '' ? String(code) : error.message}.`;
}
