"""A contest in one folder: rules, intake with receipts, events in a chain, a fair queue, people, a worker.

What pages are made of, beginning with `Contest` in `folder.py`:

- `folder.open_contest(folder)` returns `Contest(store, spec, signer)`; `contest.intake` takes files; `start_contest` makes one.
- `folder.open_folder(folder)` returns the same without the signer, for those who take no files, such as the worker.
- `store.Store`: `with store.reading() as transaction` and `with store.writing() as transaction`. Every function below takes
  such a transaction first. A writing one is short: it keeps all others waiting.
- `intake.Intake.receive(ticket, chunks)` (async) and `.take(ticket, chunks)` return a `receipts.Receipt`. They raise
  `rules.Refused` (`.reason` is a `RefusalReason`, `.again` a time), or GraderFault where the disk is full or fails.
- `people`: `person_of_code`, `person_of_token`, `new_code`, `new_token`, `revoke_tokens`, `participant`, `enrol`.
- `views`: `task_view` (windows, attempts left, my attempts with place, verdict and receipt), `board_view`, `queue_view`,
  `team_names`.
- `desk`: `announce`, `announcements`, `ask`, `questions`, `answer_question`, `extend`, `disqualify`, `choose_attempt`.
- `queue`: `places`, `place_of`, `force`, `requeue`, `hold`, `release`, `cancel`, `live_slots`.
- `events.head`, `receipts.is_genuine`, `contest.signer.public_key`: what lets everybody check.

Nothing of this knows secrets, answers or tasks' folders. Only `worker.py` does, which runs in a process of its own.
"""
