"""What pages and the REST interface show: plain SQL in, frozen values out, every long list page by page (keyset).

All of them take the transaction of a workspace. `cursor` of a line, given as `before`, continues a list after that line.
"""

from db.views.approvals import ApprovalLine, approval_list
from db.views.automations import AutomationDetail, AutomationLine, automation, automation_list
from db.views.backtests import BacktestLine, ResultLine, backtest, backtest_list, results
from db.views.conversations import (
    ConversationDetail,
    ConversationLine,
    ThreadLine,
    conversation,
    conversation_list,
    thread,
)
from db.views.decisions import DecisionLine, decision_list, decisions_for_message
from db.views.handoffs import HandoffLine, handoff_list
from db.views.paging import CursorInvalid
from db.views.retrievals import RetrievalDetail, RetrievalLine, retrieval, retrieval_list
from db.views.runs import OutboxLine, RunDetail, RunLine, StepLine, run, run_list
from db.views.training import (
    ChangeRow,
    Failure,
    PassageRow,
    Point,
    SourceCount,
    TrainingLine,
    change_list,
    document_states,
    documents_at,
    failures,
    passage,
    passage_counts,
    passage_list,
    sample_points,
    training_list,
    training_source,
    waiting_changes,
)
from db.views.trouble import Counts, ParkedEvent, UnknownMessage, counts, parked_events, source_list, unknown_messages

__all__ = [
    "ApprovalLine",
    "AutomationDetail",
    "AutomationLine",
    "BacktestLine",
    "ChangeRow",
    "ConversationDetail",
    "ConversationLine",
    "Counts",
    "CursorInvalid",
    "DecisionLine",
    "Failure",
    "HandoffLine",
    "OutboxLine",
    "ParkedEvent",
    "PassageRow",
    "Point",
    "ResultLine",
    "RetrievalDetail",
    "RetrievalLine",
    "RunDetail",
    "RunLine",
    "SourceCount",
    "StepLine",
    "ThreadLine",
    "TrainingLine",
    "UnknownMessage",
    "approval_list",
    "automation",
    "automation_list",
    "backtest",
    "backtest_list",
    "change_list",
    "conversation",
    "conversation_list",
    "counts",
    "decision_list",
    "decisions_for_message",
    "document_states",
    "documents_at",
    "failures",
    "handoff_list",
    "parked_events",
    "passage",
    "passage_counts",
    "passage_list",
    "results",
    "retrieval",
    "retrieval_list",
    "run",
    "run_list",
    "sample_points",
    "source_list",
    "thread",
    "training_list",
    "training_source",
    "unknown_messages",
    "waiting_changes",
]
