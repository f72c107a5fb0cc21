/**
 * PostGraphile 5 over the reference data set, as fast as its manual lets it be.
 *
 *     node bench/peers/postgraphile.mjs PORT DATABASE_URL
 *
 * The Amber preset alone, on Grafserv over Node's own HTTP server. Tuned for speed: production mode, answers written
 * as text at once, no GraphiQL, no sockets, no watching, ten open connections, PostgreSQL's JIT off, its statements
 * prepared as it does by itself. One smart tag lets reminders be filtered by their state, which has only a partial index.
 * It knows no session: the project is a condition that the client sends, and nothing checks it. Its statements come from
 * bench/peers/postgraphile.graphql; an id is the row's UUID there, which costs less than its own node id. A new
 * activity's id and times are defaults of the database, which bench/run_peers.py sets before this starts.
 */
import { createServer } from "node:http";

import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";

const [port, url] = process.argv.slice(2);

const filterableState = jsonPgSmartTags({
  version: 1,
  config: { attribute: { "reminders.state": { tags: { isIndexed: true } } } },
});

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [filterableState],
  pgServices: [
    makePgService({
      connectionString: url,
      schemas: ["public"],
      poolConfig: { min: 10, max: 10, idleTimeoutMillis: 0, options: "-c timezone=UTC -c jit=off" },
    }),
  ],
  grafserv: { graphiql: false, websockets: false, watch: false, outputDataAsString: true },
  grafast: { explain: false },
});

const server = createServer();
await instance.createServ(grafserv).addTo(server);
// Who sees the port open may ask.
await instance.getSchema();
server.listen(Number(port), "127.0.0.1");
