"""What reputation services say of the IOCs of a report, without what this service says itself."""

from collections.abc import Collection, Mapping, Sequence

from functions.publish.intake import Ask
from functions.publish.layout import spellable
from shared.client import Answer, ReputationApiError, ReputationClient, Unanswered
from shared.domain.aggregation import Finding, Source
from shared.domain.indicator import Indicator
from shared.metadefender.present import PROVIDER
from shared.observability import logger


def ask_nobody(_: Collection[Indicator]) -> Mapping[Indicator, Sequence[Finding]]:
    """For a stack that names no reputation service: nobody is asked, and nothing is missing."""
    return {}


def ask_service(client: ReputationClient) -> Ask:
    """Asks one service, which may well be this one: other providers stand beside us in it."""

    def ask(indicators: Collection[Indicator]) -> Mapping[Indicator, Sequence[Finding]] | None:
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


def findings(answer: Answer) -> list[Finding]:
    """One finding for each provider that has a verdict; we are no witness for ourselves."""
    return [
        Finding(0, row.verdict, Source.REPUTATION, spellable(row.provider))
        for row in answer.rows
        if row.verdict is not None and row.provider.casefold() != PROVIDER.casefold()
    ]
