/**
 * Mercurius 16 over the reference data set: hand-written SQL behind resolvers and loaders.
 *
 *     node bench/peers/mercurius.mjs PORT DATABASE_URL TENANTS
 *
 * It speaks that part of our schema which the reference queries need, with a row's UUID for an id and cursors of its
 * own. Tuned for speed: production mode, Fastify without a log, queries compiled after their first use, ten open
 * connections, named prepared statements for the needed columns only, times kept as text, PostgreSQL's JIT off, loaders
 * without a cache (nothing is asked twice). It looks the tenant up by the token and has neither sessions nor permissions
 * nor audit; the order of lists is fixed, and all parents in a list are taken to ask for children with the same
 * arguments. Recording is a bare insert: the foreign key refuses another project's contact. A new activity's id and
 * times are defaults of the database, which bench/run_peers.py sets.
 */
import { readFileSync } from "node:fs";

import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

const [port, url, tenantsPath] = process.argv.slice(2);

const TIMESTAMPTZ = 1184;
pg.types.setTypeParser(TIMESTAMPTZ, (text) => `${text.slice(0, 10)}T${text.slice(11)}:00`);
const pool = new pg.Pool({
  connectionString: url,
  min: 10,
  max: 10,
  idleTimeoutMillis: 0,
  options: "-c timezone=UTC -c jit=off",
});

const schema = `
  scalar DateTime
  enum SortDirection { ASC DESC }
  enum ContactStatus { LEAD PROSPECT CUSTOMER FORMER BLOCKED }
  enum ActivityKind { CALL MEETING EMAIL NOTE }
  enum Area { SALES SERVICE COMPLAINT BILLING }
  enum ReminderState { OPEN RESOLVED }
  input ContactOrderBy { name: SortDirection! }
  input ActivityOrderBy { occurredAt: SortDirection! }
  input ReminderStateFilter { eq: ReminderState! }
  input ReminderWhere { state: ReminderStateFilter! }
  input ActivityRecordInput { contactId: ID! kind: ActivityKind! area: Area! summary: String! }
  type Query {
    contact(id: ID!): Contact
    contacts(first: Int!, after: String, orderBy: [ContactOrderBy!]!): ContactConnection!
  }
  type Mutation { activityRecord(input: ActivityRecordInput!): ActivityRecordPayload! }
  type ContactConnection { pageInfo: PageInfo! edges: [ContactEdge!]! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type ContactEdge { cursor: String! node: Contact! }
  type Contact {
    id: ID!
    name: String!
    ico: String
    vatId: String
    status: ContactStatus!
    email: String
    phone: String
    web: String
    city: String
    postalCode: String
    createdAt: DateTime!
    updatedAt: DateTime!
    division: Division
    activities(first: Int!, orderBy: [ActivityOrderBy!]!): ActivityConnection!
    reminders(first: Int!, where: ReminderWhere!): ReminderConnection!
  }
  type Division { id: ID! name: String! }
  type Employee { id: ID! name: String! }
  type ActivityConnection { nodes: [Activity!]! }
  type Activity { id: ID! kind: ActivityKind! summary: String! occurredAt: DateTime! author: Employee }
  type ReminderConnection { nodes: [Reminder!]! }
  type Reminder { id: ID! title: String! dueAt: DateTime! }
  type ActivityRecordPayload { activity: Activity errors: [UserError!]! }
  type UserError { code: String! }
`;

/** A prepared statement: a function of its parameters that gives the rows. */
const statement = (name, text) => async (...values) => (await pool.query({ name, text, values })).rows;

const CONTACT = `id, name, ico, vat_id AS "vatId", status, email, phone, web, city, postal_code AS "postalCode",
  created_at AS "createdAt", updated_at AS "updatedAt", division_id AS "divisionId"`;
const ACTIVITY = `id, kind, summary, occurred_at AS "occurredAt", author_id AS "authorId"`;

const contactById = statement("contact", `SELECT ${CONTACT} FROM contacts WHERE id = $1 AND project_id = $2`);
const contactsAfter = statement(
  "contacts",
  `SELECT ${CONTACT}, sort_key AS "sortKey" FROM contacts
   WHERE project_id = $1 AND (sort_key, id) > ($2, $3) ORDER BY sort_key, id LIMIT $4`,
);
const divisionsByIds = statement("divisions", "SELECT id, name FROM divisions WHERE id = ANY($1)");
const employeesByIds = statement("employees", "SELECT id, name FROM employees WHERE id = ANY($1)");
const lastActivities = statement(
  "activities",
  `SELECT a.* FROM unnest($1::uuid[]) AS parent (id) CROSS JOIN LATERAL (
     SELECT ${ACTIVITY}, contact_id AS "contactId" FROM activities
     WHERE contact_id = parent.id ORDER BY occurred_at DESC, id DESC LIMIT $2) a`,
);
const firstReminders = statement(
  "reminders",
  `SELECT r.* FROM unnest($1::uuid[]) AS parent (id) CROSS JOIN LATERAL (
     SELECT id, title, due_at AS "dueAt", contact_id AS "contactId" FROM reminders
     WHERE contact_id = parent.id AND state = $3 ORDER BY due_at, id LIMIT $2) r`,
);
const insertActivity = statement(
  "record",
  `INSERT INTO activities (project_id, contact_id, author_id, kind, area, summary)
   VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${ACTIVITY}`,
);

const BEFORE_ALL = ["", "00000000-0000-0000-0000-000000000000"];
const cursorOf = (row) => Buffer.from(JSON.stringify([row.sortKey, row.id])).toString("base64");
const placeIn = (cursor) => (cursor ? JSON.parse(Buffer.from(cursor, "base64").toString()) : BEFORE_ALL);

async function contact(_, { id }, { tenant }) {
  return (await contactById(id, tenant.project_id))[0];
}

async function contacts(_, { first, after }, { tenant }) {
  const rows = await contactsAfter(tenant.project_id, ...placeIn(after), first + 1);
  const edges = rows.slice(0, first).map((node) => ({ cursor: cursorOf(node), node }));
  return { pageInfo: { hasNextPage: rows.length > first, endCursor: edges.at(-1)?.cursor }, edges };
}

async function activityRecord(_, { input }, { tenant }) {
  const { contactId, kind, area, summary } = input;
  const rows = await insertActivity(tenant.project_id, contactId, tenant.employee_id, kind, area, summary);
  return { activity: rows[0], errors: [] };
}

/** Loads the one row that each object's `key` names. */
function toOne(rowsByIds, key) {
  async function loader(queries) {
    const ids = new Set(queries.map(({ obj }) => obj[key]));
    const found = new Map((await rowsByIds([...ids])).map((row) => [row.id, row]));
    return queries.map(({ obj }) => found.get(obj[key]) ?? null);
  }
  return { loader, opts: { cache: false } };
}

/** Loads each contact's children. */
function toMany(rowsOf, parametersIn) {
  async function loader(queries) {
    const nodes = new Map(queries.map(({ obj }) => [obj.id, []]));
    for (const row of await rowsOf([...nodes.keys()], ...parametersIn(queries[0].params))) {
      nodes.get(row.contactId).push(row);
    }
    return queries.map(({ obj }) => ({ nodes: nodes.get(obj.id) }));
  }
  return { loader, opts: { cache: false } };
}

const loaders = {
  Contact: {
    division: toOne(divisionsByIds, "divisionId"),
    activities: toMany(lastActivities, ({ first }) => [first]),
    reminders: toMany(firstReminders, ({ first, where }) => [first, where.state.eq]),
  },
  Activity: { author: toOne(employeesByIds, "authorId") },
};

const tenants = new Map(
  Object.entries(JSON.parse(readFileSync(tenantsPath, "utf8"))).map(([token, tenant]) => [`Bearer ${token}`, tenant]),
);

const app = Fastify();
app.register(mercurius, {
  schema,
  resolvers: { Query: { contact, contacts }, Mutation: { activityRecord } },
  loaders,
  jit: 1,
  context: ({ headers }) => ({ tenant: tenants.get(headers.authorization) }),
});
await app.listen({ port: Number(port), host: "127.0.0.1" });
