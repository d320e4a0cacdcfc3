"""External reputation: the verdicts of other providers about the IOCs of a report."""

from collections.abc import Collection, Mapping, Sequence

from functions.publish.intake import ExternalReputation
from functions.publish.layout import xml_safe
from functions.publish.osint import foreign_rows
from shared.client import Answer, ReputationApiError, ReputationClient, Unanswered
from shared.domain.evidence import MAX_EVIDENCE_TEXT_BYTES, Evidence, EvidenceSource
from shared.domain.file_facts import cut
from shared.domain.indicator import Indicator
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
    """One piece of evidence for each provider with a verdict, except the rows of this service."""
    return [
        Evidence(
            EvidenceSource.REPUTATION,
            row.verdict,
            cut(xml_safe(row.provider), MAX_EVIDENCE_TEXT_BYTES),
        )
        for row in foreign_rows(answer.rows)
        if row.verdict is not None
    ]
