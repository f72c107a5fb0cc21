// Tabs of one person, each a client of graphql-ws itself, the one that GraphiQL brings along: node FILE LIBRARY URL TOKEN COUNT.
// Pauses are graphql-ws's own, a two-hundredth as long. Tells in lines of JSON what happens to each tab; "close N" ends one.
const [library, url, token, count] = process.argv.slice(2);
const { createClient } = require(library);

const QUICKER = 200;
const retryWait = (retries) =>
  new Promise((resolve) => setTimeout(resolve, (1000 * 2 ** retries + 300 + Math.random() * 2700) / QUICKER));
const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n');

const tabs = Array.from({ length: Number(count) }, (_, tab) => {
  const client = createClient({
    url,
    connectionParams: { Authorization: `Bearer ${token}` },
    retryAttempts: Infinity,
    retryWait,
    on: {
      connected: () => tell({ tab, what: 'connected' }),
      closed: ({ code, reason }) => tell({ tab, what: 'closed', code, reason }),
    },
  });
  client.subscribe(
    { query: 'subscription { feed }' },
    {
      next: ({ data }) => tell({ tab, what: 'told', text: data.feed }),
      error: (error) => tell({ tab, what: 'given up', error: String(error.reason ?? error) }),
      complete: () => tell({ tab, what: 'complete' }),
    },
  );
  return client;
});

require('node:readline')
  .createInterface({ input: process.stdin })
  .on('line', (line) => tabs[Number(line.split(' ')[1])].dispose());
