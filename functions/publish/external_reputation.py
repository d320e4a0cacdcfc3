"""What reputation services say of the IOCs of a report, without what this service says itself."""

from collections.abc import Collection, Mapping, Sequence

from functions.publish.intake import Ask
from functions.publish.layout import spellable
from functions.publish.verdict_rule import Evidence, EvidenceSource
from shared.client import Answer, ReputationApiError, ReputationClient, Unanswered
from shared.domain.indicator import Indicator
from shared.domain.provider import SANDBOX_PROVIDER
from shared.runtime.observability import logger


def ask_nobody(_: Collection[Indicator]) -> Mapping[Indicator, Sequence[Evidence]]:
    """For a stack that names no reputation service: nobody is asked, and nothing is missing."""
    return {}


def ask_service(client: ReputationClient) -> Ask:
    """Asks one service, which may well be this one: other providers stand beside us in it."""

    def ask(indicators: Collection[Indicator]) -> Mapping[Indicator, Sequence[Evidence]] | None:
        try:
            answers: Mapping[Indicator, Answer] = client.look_up_many(indicators)
        except Unanswered as error:
            # What it does not accept it will not accept the next time.
            answers = error.answers
        except ReputationApiError as error:
            logger.warning("reputation service failed", extra={"reason": type(error).__name__})
            return None
        return {one: findings(answer) for one, answer in answers.items()}

    return ask


def findings(answer: Answer) -> list[Evidence]:
    """One finding for each provider that has a verdict; we are no witness for ourselves."""
    return [
        Evidence(0, row.verdict, EvidenceSource.REPUTATION, spellable(row.provider))
        for row in answer.rows
        if row.verdict is not None and row.provider.casefold() != SANDBOX_PROVIDER.casefold()
    ]
