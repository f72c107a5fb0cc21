/**
 * PostGraphile 5, bare: it knows no session, the project is a condition that the client sends, and nothing checks it.
 *
 *     node bench/peers/postgraphile.mjs PORT DATABASE_URL
 */
import { serve } from "./postgraphile_server.mjs";

const [port, url] = process.argv.slice(2);
await serve(port, url);
