"""Automations that start at set times: what Prefect is to know of them, and whom they start for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlmodel import Session

from db import audiences, automation_starts, automations
from db.automation_starts import Starting
from db.automations import LiveAutomation
from db.engine import system, transaction
from flows import occasions
from flows.cadence import WordsUnclear, to_cron
from flows.deployment_schedules import Wanted, agree
from nodes.contract import Occasion
from nodes.schedule import Config

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

DEPLOYMENT = "run-scheduled-automation/run-scheduled-automation"  # flow / deployment, as in prefect.yaml
TRIGGER = "schedule@1"


def reconcile(client: SyncPrefectClient) -> int:
    """Make the schedules of the deployment those of the published automations; returns how many were changed."""
    with system() as tx:
        published = automation_starts.starting_with(tx, TRIGGER)
    wanted = {str(each.id): made for each in published if (made := _wanted(each)) is not None}
    return agree(client, DEPLOYMENT, wanted).changed


def _wanted(automation: Starting) -> Wanted | None:
    """None where the words name no time: the check refuses such a draft, so only an older version can have them."""
    try:
        cron = to_cron(Config.model_validate(automation.config).when)
    except WordsUnclear:
        return None
    return Wanted(cron, automation.timezone, {"automation": str(automation.id)})


def start(automation_id: UUID, planned: datetime) -> tuple[int, str]:
    """Start the automation for the time `planned`; returns how many runs, and a sentence. Told twice, it starts nothing twice."""
    with system() as tx:
        whose = automation_starts.whose(tx, automation_id)
    if whose is None:
        return 0, "The automation was deleted."
    workspace, _ = whose
    with transaction(workspace) as tx:
        live = next((each for each in automations.live(tx) if each.id == automation_id), None)
        if live is None:
            return 0, "The automation is switched off."
        trigger: dict[str, Any] = live.document["steps"][0]
        if trigger["node"] != TRIGGER:
            return 0, "The automation does not start at set times any more."
        started = _start(tx, workspace, live, Config.model_validate(trigger.get("config", {})), planned)
    return started, "1 run was started." if started == 1 else f"{started} runs were started."


def _start(tx: Session, workspace: UUID, automation: LiveAutomation, config: Config, planned: datetime) -> int:
    occasion = Occasion("schedule", event="schedule", now=planned, data={"at": planned.isoformat(timespec="minutes")})
    if config.for_each == "nobody":
        key = f"schedule:{planned.isoformat()}"
        return len(occasions.offer(tx, workspace, occasion, key=key, only=automation.id))
    if config.for_each == "tagged":
        key = f"schedule:{planned.isoformat()}"
        chosen = [(each, f"{key}:{each}") for each in audiences.tagged(tx, config.tag, automation.id, key, config.most)]
    else:
        until = planned - timedelta(days=config.silent_days)
        found = audiences.silent(tx, until, automation.id, config.most)
        chosen = [(each.contact_id, f"silent:{each.contact_id}:{each.since.isoformat()}") for each in found]
    return sum(
        len(occasions.offer(tx, workspace, occasion, key=key, contact_id=contact, only=automation.id))
        for contact, key in chosen
    )
