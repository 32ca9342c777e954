import { z } from 'zod';

const READABLE = "in user and password, '%' has to be written as %25";

/** An address to which is spoken by HTTP; user and password may stand in it. */
export const httpAddress = () =>
  z.url({ protocol: /^https?$/, error: 'expected http://... or https://...' }).refine(isReadable, READABLE);

/** A broker's address; user and password may stand in it. */
export const brokerAddress = () =>
  z
    .string()
    .regex(/^mqtts?:\/\/[^\s]+$/, 'expected mqtt://host:port or mqtts://host:port')
    .refine(isReadable, READABLE);

/** Whether user and password can be read. What is no address at all is refused as such. */
function isReadable(address: string): boolean {
  if (!URL.canParse(address)) return true;
  const { username, password } = new URL(address);
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}
