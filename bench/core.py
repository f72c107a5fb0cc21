"""Our server with every value completed by graphql-core, as those are that no plan can complete.

python -m bench.core serve
"""

from functools import partial

from app.cli import app
from app.schema import execution

if __name__ == "__main__":
    execution.run = partial(execution.run, only_core=True)
    app()
