"""External reputation: the verdicts of other providers about the IOCs of a report."""

from collections.abc import Collection, Mapping, Sequence

from functions.publish.intake import ExternalReputation
from functions.publish.layout import xml_safe
from functions.publish.verdict_rule import Evidence, EvidenceSource
from shared.client import Answer, ReputationApiError, ReputationClient, Unanswered
from shared.domain.indicator import Indicator
from shared.domain.provider import SANDBOX_PROVIDER
from shared.runtime.observability import logger


def no_external_reputation(_: Collection[Indicator]) -> Mapping[Indicator, Sequence[Evidence]]:
    """Return no evidence; for a stack without a reputation service."""
    return {}


def external_reputation_of(client: ReputationClient) -> ExternalReputation:
    """Return the external reputation that one service has.

    The service may be this one: its answers contain the verdicts of other providers.
    """

    def look_up(indicators: Collection[Indicator]) -> Mapping[Indicator, Sequence[Evidence]] | None:
        try:
            answers: Mapping[Indicator, Answer] = client.look_up_many(indicators)
        except Unanswered as error:
            # An IOC that the service rejects now, it rejects the next time as well.
            answers = error.answers
        except ReputationApiError as error:
            logger.warning("reputation service failed", extra={"reason": type(error).__name__})
            return None
        return {one: external_evidence(answer) for one, answer in answers.items()}

    return look_up


def external_evidence(answer: Answer) -> list[Evidence]:
    """One piece of evidence for each provider with a verdict, except this service itself."""
    return [
        Evidence(0, row.verdict, EvidenceSource.REPUTATION, xml_safe(row.provider))
        for row in answer.rows
        if row.verdict is not None and row.provider.casefold() != SANDBOX_PROVIDER.casefold()
    ]
