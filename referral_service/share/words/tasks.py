"""What an offer asks for, in words: "place your first order and sign in"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from referral_service.programs.terms.conditions import PURCHASE
from referral_service.share.deeds import plain_name
from referral_service.share.promised import Ask, Task
from referral_service.share.voice import Voice
from referral_service.share.words.deeds import COUNTED, FORMS, SPENDING, Forms

Form = Literal["noun", "do", "does"]

# More than this many in one breath is a list, not a sentence.
NOUNS_MAX = 2


def tasks_as(voice: Voice, tasks: Sequence[Task], form: Form) -> str:
    """Join what is asked for in one form: `do` gives "install the app and sign in"."""
    return voice.all_of([task_as(voice, task, form) for task in tasks])


def task_as(voice: Voice, task: Task, form: Form) -> str:
    """Say one task; where there is a choice, each way with the amount that it takes."""
    if len(task.ways) == 1:
        return _way(voice, task.ways[0], form)
    return voice.any_of(list(dict.fromkeys(_with_minimum(voice, way, form) for way in task.ways)))


def headline_tasks(tasks: Sequence[Task]) -> Sequence[Task]:
    """The tasks that a headline names: who completes a stay has booked it. None where they would be too many."""
    has_stay = any(task.ways[0].deed == "stay" for task in tasks)
    told = [task for task in tasks if not (has_stay and task.ways[0].deed == "booking")]
    return told if len(told) <= NOUNS_MAX and all(len(task.ways) == 1 for task in told) else ()


def waiting_for(voice: Voice, task: Task, *, count_done: int = 0) -> str:
    """Say that the task is still to be done: "Waiting for the first order", "Orders: 1 of 3"."""
    way = task.ways[0]
    if len(task.ways) > 1:
        return voice.gettext("Waiting for what is still to be done")
    if way.count == 1:
        return _said(voice, _forms(way).waiting, way)
    return voice.gettext(
        "%(label)s: %(done)s of %(number)s",
        label=label_of(voice, task),
        done=voice.number(min(count_done, way.count)),
        number=voice.number(way.count),
    )


def label_of(voice: Voice, task: Task) -> str:
    """Name the task as an entry of a list: "First order"."""
    if len(task.ways) > 1:
        return voice.any_of([label_of(voice, Task(task.key, (way,))) for way in task.ways])
    way = task.ways[0]
    if way.count > 1 and way.deed in COUNTED:
        return voice.gettext(COUNTED[way.deed].label)
    return _said(voice, _forms(way).label, way)


def is_bought(tasks: Sequence[Task]) -> bool:
    """Whether all there is to do is to buy."""
    return bool(tasks) and all(way.event == PURCHASE for task in tasks for way in task.ways)


def _way(voice: Voice, way: Ask, form: Form) -> str:
    if way.count > 1:
        text = _several(voice, way, form)
        if way.total:
            text = voice.gettext("%(task)s, %(amount)s in all", task=text, amount=voice.money(way.total))
    else:
        text = _said(voice, getattr(_forms(way), form), way)
    return voice.gettext("%(task)s on different days", task=text) if way.on_distinct_days else text


def _several(voice: Voice, way: Ask, form: Form) -> str:
    counted = COUNTED.get(way.deed)
    if counted is not None:
        one, many = getattr(counted, form)
        return voice.ngettext(one, many, way.count)
    once = _said(voice, getattr(FORMS[way.deed], form), way)
    return voice.ngettext("%(task)s %(number)s time", "%(task)s %(number)s times", way.count, task=once)


def _with_minimum(voice: Voice, way: Ask, form: Form) -> str:
    text = _way(voice, way, form)
    if way.minimum is None:
        return text
    return voice.gettext("%(task)s of %(amount)s or more", task=text, amount=voice.money(way.minimum))


def _forms(way: Ask) -> Forms:
    return SPENDING if way.total and way.count == 1 else FORMS[way.deed]


def _said(voice: Voice, message: str, way: Ask) -> str:
    # Each form names what it needs of these.
    total = voice.money(way.total) if way.total else ""
    return voice.gettext(message, event=plain_name(way.event), total=total)
