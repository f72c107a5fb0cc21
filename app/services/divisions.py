"""Divisions: parts of a project. Base data they do not set are the project's; they are archived, never deleted."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise.expressions import F

from app import jobs
from app.errors import FaultCode, Invalid
from app.models import Division, Project, audit_notes
from app.policy import Member, Permission
from app.services import address_verification, base_data, countries
from app.services.versions import differing, require_version, sent_anew
from app.text import fold, sort_key
from app.validation import check


async def get_living(viewer: Member, id: UUID, *, path: Sequence[str]) -> Division:
    """The division, if anything may be put into it. Raises NotFound, and Invalid (WRONG_STATE) for an archived one."""
    division = await Division.get_visible(viewer, id, path=path)
    if division.archived_at is not None:
        sentence = f"The division {division.name} is archived. Choose another."
        raise Invalid.at(path, sentence, FaultCode.WRONG_STATE)
    return division


async def create(viewer: Member, *, now: datetime, confirm_ico: bool | None = None, **sent: Any) -> Division:
    """A new division. `sent`: name, and any of the base data that is not the project's.

    `confirm_ico`: an IČO that would be refused is kept if the register has it. Raises companies.RegisterNeeded.
    """
    viewer.require(Permission.PROJECT_SETTINGS)
    given = {name: value for name, value in sent.items() if value is not None}
    clean, country = await _read(viewer, None, given, confirm_ico, required=("name",))
    await _lock_names(viewer)
    await _require_free(viewer, clean["name"])
    base_data.require_confirmed(clean, country, confirm_ico=confirm_ico)
    division = await Division.create(
        project_id=viewer.project_id,
        sort_key=sort_key(clean["name"]),
        created_at=now,
        updated_at=now,
        **clean,
    )
    jobs.note(division, audit_notes.made(division, *clean))
    if division.email is not None:
        await address_verification.begin(viewer, division, now=now)
    return division


async def update(
    viewer: Member,
    *,
    now: datetime,
    id: UUID,
    expected_version: int | None = None,
    confirm_ico: bool | None = None,
    **sent: Any,
) -> Division:
    """Changes a division. None makes it inherit the field again; another e-mail must be proved before it stands in From."""
    await Division.get_visible(viewer, id)
    viewer.require(Permission.PROJECT_SETTINGS)
    await _lock_names(viewer)
    division = await Division.get_visible(viewer, id, lock=True)
    clean, country = await _read(
        viewer, division, sent, confirm_ico, required=[name for name in ("name",) if name in sent]
    )
    require_version(division, expected_version)
    changes = differing(division, clean)
    if "name" in changes and division.archived_at is None:
        await _require_free(viewer, changes["name"], but=[division.id])
    base_data.require_confirmed(clean, country, confirm_ico=confirm_ico)
    if changes:
        await _save(division, changes, now=now)
    if "email" in changes:
        await address_verification.begin(viewer, division, now=now)
    return division


async def archive(
    viewer: Member,
    *,
    now: datetime,
    id: UUID,
    expected_version: int | None = None,
) -> Division:
    """Nobody and nothing is put into it any more; what is there stays. Archived twice it stays as it was."""
    await Division.get_visible(viewer, id)
    viewer.require(Permission.PROJECT_SETTINGS)
    division = await Division.get_visible(viewer, id, lock=True)
    require_version(division, expected_version)
    if division.archived_at is None:
        await _save(division, {"archived_at": now}, now=now)
    return division


async def _read(
    viewer: Member,
    division: Division | None,
    sent: Mapping[str, Any],
    confirm_ico: bool | None,
    *,
    required: Collection[str],
) -> tuple[dict[str, Any], str]:
    """By the country it has or will have, else the project's: that too. What is there already is not read again."""
    typed = sent_anew(division, sent)
    own = countries.own_country(sent, division)
    country = await countries.rules_country(viewer.project_id, typed, own)
    rules = base_data.rules(country, confirm_ico=confirm_ico)
    clean = check(typed, rules, required=[name for name in required if name in typed or division is None])
    return base_data.columns(base_data.with_registration(division, clean, country)), country


async def _lock_names(viewer: Member) -> None:
    """Names are compared while nobody else adds one: with the project locked."""
    await Project.get_visible(viewer, viewer.project_id, lock=True)


async def _require_free(viewer: Member, name: str, *, but: Collection[UUID] = ()) -> None:
    """Names that differ in case and accents alone are one name."""
    living = await Division.filter(project_id=viewer.project_id, archived_at__isnull=True).only("id", "name")
    if any(fold(each.name) == fold(name) for each in living if each.id not in but):
        raise Invalid.at(
            "name", "There is a division of this name already. Choose another name.", FaultCode.TAKEN
        )


async def _save(division: Division, changes: Mapping[str, Any], *, now: datetime) -> None:
    """Writes what differs. The row is locked, so nobody else's change is lost."""
    jobs.note(division, audit_notes.differences(division, changes))
    division.update_from_dict({**changes, "version": division.version + 1, "updated_at": now})
    await Division.filter(id=division.id).update(
        **changes, sort_key=sort_key(division.name), version=F("version") + 1, updated_at=now
    )
