"""What tests of signing in and of sessions share."""

from typing import Any

from app.models import Account, Employee, Project
from tests.factories import make_employee, make_project
from tests.graphql import PASSWORD, Answer, anonymous

SIGN_IN = """
mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    session { token expiresAt employee { id roles project { id name } } }
    errors { code message path }
  }
}
"""
WHO = "{ viewer { account { id } employee { id } } }"


async def sign_in(account: Account, password: str = PASSWORD, **more: Any) -> Answer:
    return await anonymous().run(SIGN_IN, input={"email": account.email, "password": password, **more})


async def make_worker(account: Account, project: Project | None = None, **values: Any) -> Employee:
    return await make_employee(project or await make_project(), ["SALES_REP"], account=account, **values)
