// Wires GraphiQL to /graphql: operations by POST, subscriptions by graphql-transport-ws, the token of the header
// editor on both.
(function () {
  "use strict";

  const url = new URL("/graphql", location.href);
  const socketUrl = new URL(url);
  socketUrl.protocol = url.protocol === "https:" ? "wss:" : "ws:";

  const WELCOME = `# Divize. Paste a token into the Headers tab below:
#
#   { "Authorization": "Bearer …" }
#
# Ctrl-Enter runs the operation under the cursor, Ctrl-Space completes, the book on the left is the documentation.
# Subscriptions run over a WebSocket and go on until you press stop.

query WhoAmI {
  __typename
}
`;

  // The editor starts with a template: "Bearer " without a token is nobody, not a wrong token.
  function sendable(headers) {
    const kept = {};
    for (const [name, value] of Object.entries(headers || {})) {
      if (!/^bearer\s*…?\s*$/i.test(String(value))) kept[name] = value;
    }
    return kept;
  }

  function authorization(headers) {
    const name = Object.keys(headers).find((each) => each.toLowerCase() === "authorization");
    return name ? headers[name] : "";
  }

  // One socket for each token: a tab with another person's token must not share the first one's session.
  const clients = new Map();

  function clientFor(token) {
    if (!clients.has(token)) {
      clients.set(
        token,
        graphqlWs.createClient({
          url: socketUrl.href,
          connectionParams: token ? { Authorization: token } : {},
          retryAttempts: 3,
          shouldRetry: (event) => event && event.code !== 4403,
        }),
      );
    }
    return clients.get(token);
  }

  function fetcher(parameters, options) {
    const headers = sendable(options && options.headers);
    const fetch = GraphiQL.createFetcher({
      url: url.href,
      headers,
      wsClient: clientFor(authorization(headers)),
    });
    return fetch(parameters, { ...options, headers });
  }

  const root = ReactDOM.createRoot(document.getElementById("graphiql"));
  root.render(
    React.createElement(GraphiQL, {
      fetcher,
      defaultQuery: WELCOME,
      defaultHeaders: '{\n  "Authorization": "Bearer "\n}',
      defaultEditorToolsVisibility: "headers",
      isHeadersEditorEnabled: true,
      shouldPersistHeaders: true,
    }),
  );
})();
