import type { FastifyInstance } from 'fastify';
import { cardsScript } from './cards.js';
import { domScript } from './dom.js';
import { formatScript } from './format.js';
import { html } from './html.js';
import { icon } from './icon.js';
import { mainScript } from './main.js';
import { packsScript } from './packs.js';
import { style } from './style.js';

const JAVASCRIPT = 'text/javascript; charset=utf-8';

/** Everything that the page consists of, by path. */
export const pageFiles: Readonly<Record<string, { type: string; text: string }>> = {
  '/': { type: 'text/html; charset=utf-8', text: html },
  '/page/style.css': { type: 'text/css; charset=utf-8', text: style },
  '/page/icon.svg': { type: 'image/svg+xml', text: icon },
  '/page/main.js': { type: JAVASCRIPT, text: mainScript },
  '/page/cards.js': { type: JAVASCRIPT, text: cardsScript },
  '/page/packs.js': { type: JAVASCRIPT, text: packsScript },
  '/page/dom.js': { type: JAVASCRIPT, text: domScript },
  '/page/format.js': { type: JAVASCRIPT, text: formatScript },
};

/** Serves the page: it shows nothing by itself, its script reads the API. */
export function pageRoutes(server: FastifyInstance): void {
  for (const [path, { type, text }] of Object.entries(pageFiles)) {
    server.get(path, (_request, reply) => reply.type(type).send(text));
  }
}
