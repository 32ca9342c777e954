/** What a page of this program may load: its own style, script, pictures and routes; no frames, no forms to elsewhere. */
function contentSecurityPolicy(pictures: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src ${pictures}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/**
 * Headers of every answer of the hub's and the device's web servers.
 * @param pictures where pictures may come from, as the content security policy has it
 */
export function securityHeaders(pictures = "'self'"): Record<string, string> {
  return {
    'content-security-policy': contentSecurityPolicy(pictures),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  };
}

/** Whether a browser says that another site's page asks. Programs that are no browsers name no origin. */
export function isFromOtherSite({ origin, host }: { origin?: string; host?: string }): boolean {
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host);
}
