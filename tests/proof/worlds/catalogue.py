"""All secrets."""

from collections.abc import Sequence

from tests.proof.worlds.planting import Secret
from tests.proof.worlds.scene import Scene
from tests.proof.worlds.secrets_elsewhere import of_elsewhere
from tests.proof.worlds.secrets_of_contacts import of_contacts
from tests.proof.worlds.secrets_of_people import of_people


def all_secrets(scene: Scene) -> Sequence[Secret]:
    """Needs a scene whose rows are written."""
    secrets = [*of_contacts(scene), *of_people(scene), *of_elsewhere(scene)]
    assert len({each.name for each in secrets}) == len(secrets)
    return secrets
