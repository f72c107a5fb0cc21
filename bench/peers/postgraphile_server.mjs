/**
 * What both PostGraphile peers share: PostGraphile 5 over the reference data set, as fast as its manual lets it be.
 *
 * The Amber preset alone, on Grafserv over Node's own HTTP server. Tuned for speed: production mode, answers written
 * as text at once, no GraphiQL, no sockets, no watching, ten open connections, PostgreSQL's JIT off, its statements
 * prepared as it does by itself. One smart tag lets reminders be filtered by their state, which has only a partial index.
 * Its statements come from bench/peers/postgraphile.graphql; an id is the row's UUID there, which costs less than its own
 * node id. A new activity's id and times are defaults of the database, which bench/run_peers.py sets before this starts.
 */
import { createServer } from "node:http";

import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";

/** How the pools of this process connect. */
export const poolConfig = { min: 10, max: 10, idleTimeoutMillis: 0, options: "-c timezone=UTC -c jit=off" };

const filterableState = jsonPgSmartTags({
  version: 1,
  config: { attribute: { "reminders.state": { tags: { isIndexed: true } } } },
});

/** Serves on the port. `grafast` are options of its executor besides the common ones. */
export async function serve(port, connectionString, grafast = {}) {
  const instance = postgraphile({
    extends: [PostGraphileAmberPreset],
    plugins: [filterableState],
    pgServices: [makePgService({ connectionString, schemas: ["public"], poolConfig })],
    grafserv: { graphiql: false, websockets: false, watch: false, outputDataAsString: true },
    grafast: { explain: false, ...grafast },
  });
  const server = createServer();
  await instance.createServ(grafserv).addTo(server);
  // Who sees the port open may ask.
  await instance.getSchema();
  server.listen(Number(port), "127.0.0.1");
}
