"""Documents about reported contacts."""

from tests.schema.contact_cases import FAULTS

OWN = "id name ico email phone city note handled version createdAt proposedBy { id }"

PROPOSE = f"""mutation ($input: ContactProposeInput!) {{ contactPropose(input: $input) {{
  proposal {{ {OWN} }} {FAULTS} }} }}"""
ACCEPT = f"""mutation ($input: ContactProposalAcceptInput!) {{ contactProposalAccept(input: $input) {{
  proposal {{ name handled version decision decidedBy {{ id }} decidedAt contact {{ id }} }}
  contact {{ name ico email phone city division {{ id }} owner {{ id }} createdBy {{ id }} }} {FAULTS} }} }}"""
MERGE = f"""mutation ($input: ContactProposalMergeInput!) {{ contactProposalMerge(input: $input) {{
  proposal {{ decision note version }}
  contact {{ id name ico email phone address {{ street city }} version activities {{ totalCount }} }} {FAULTS} }} }}"""
REJECT = f"""mutation ($input: ContactProposalRejectInput!) {{ contactProposalReject(input: $input) {{
  proposal {{ decision handled version contact {{ id }} }} {FAULTS} }} }}"""
LIST = f"""query ($where: ContactProposalWhere, $orderBy: [ContactProposalOrderBy!]) {{
  contactProposals(where: $where, orderBy: $orderBy) {{ totalCount nodes {{ {OWN} }} }} }}"""
ONE = f"query ($id: ID!) {{ contactProposal(id: $id) {{ {OWN} }} node(id: $id) {{ id }} }}"
MATCHES = "query ($id: ID!) { contactProposalMatches(id: $id) { contacts { id name } } }"
