/**
 * Every row of the fault catalogue, once: `number | where | what goes wrong | what must hold`
 * (I1 to I16 are the invariants, test/support/checker.ts). Tests name their rows in their titles.
 */
const TABLE = `
## Client - API
F1 | client->API | request lost before API | nothing created
F2 | API->client | 201 lost | I7: retry returns same id
F3 | client | double click, 50 concurrent POST same key | I7
F4 | client | same key, other body | 422, no effect
F5 | client | disconnect mid-body / slow-loris 1 B/s | I13; no row
F6 | API | kill -9 after commit, before response | I1, I7
F7 | API | kill -9 before commit | no trace
F8 | API | SIGTERM under load (deploy) | in-flight finish or clean refusal; I1
F9 | API | 3x overload | I13, goodput
## API - DB
F10 | API-DB | connection reset during COMMIT (outcome unknown) | I1: never 201 unless committed; never "not created" if committed
F11 | DB | postmaster kill -9 under load | all 201s survive
F12 | DB | fail-over to standby, async replication | loss bounded and detected; sync: none
F13 | DB | disk full / fdatasync EIO | 503, no 201; recovers
F14 | DB | deadlock / serialization 40001, 40P01 | one bounded retry with jitter, then 503
F15 | DB | pool exhausted, a transaction hangs | I13: fail fast; others go on
F16 | DB | read from lagging replica | I5, I6
F17 | migration | old and new process on one schema (expand, later contract) | I1-I3
## Outbox / dispatcher
F18 | dispatcher | kill -9 before the engine call | I2
F19 | dispatcher | kill -9 after the engine call, before recording | I2
F20 | dispatcher | SIGSTOP past the lease, another takes over, SIGCONT | I2, I5
F21 | queue | NOTIFY lost (listener reconnecting) | trigger within poll interval
F22 | queue | poison job (mapper throws) | I10, dead letter with reason, run FAILED or blocked
F23 | queue | 100 k backlog | I13, fairness between projects and engines
F24 | queue | claim order vs. commit order: job row visible later with smaller id | none skipped
F25 | dispatcher | process OOM/unhandledRejection | crash fast, restart, I2
## Adapter - engine
F26 | ->engine | connect refused / DNS / TLS error (nothing sent) | safe retry with back-off, state keeps PENDING, cause visible
F27 | engine-> | response lost / time-out after execution | I2
F28 | ->engine | request duplicated by a proxy | I2
F29 | ->engine | request delayed 60 s, arrives after our verify said "absent" | I2, I4
F30 | engine-> | 409 that is not ours (Airflow logical-date clash) | I2: not taken for success
F31 | engine-> | 409 with our key but other conf | FAILED(conflict) or adopt by policy; never silent
F32 | engine-> | 200 with empty/HTML/truncated/1 GB/10,000-deep body | I11, I13
F33 | engine-> | 429 + Retry-After, 503 | honoured, global per engine
F34 | engine-> | 401/403 (credential rotated) | engine unhealthy: auth; no run FAILED; one alert
F35 | engine-> | 307/302 to another host | not followed; credentials not sent
F36 | adapter | engine accepts but never schedules (Argo controller dead, Airflow DAG paused) | I9, I16: state_reason stuck with a diagnosis
F37 | definition | engine has not parsed the new DAG yet | PENDING until READY or a deadline, then FAILED with the reason
F38 | engine | restarted with empty DB / restored backup | I11: missing is a verdict, never the first 404; when many runs vanish at once no verdict is drawn and the engine's health says so
## Reconciler and on-read refresh
F39 | reconciler | crash mid-page | idempotent, resumes
F40 | reconciler | one run throws | I10
F41 | reconciler x2 | both see "running -> success" | I5, I12: one transition
F42 | refresh vs. reconciler | stale answer (older) written after newer one | I5, I6
F43 | refresh vs. cancel | refresh overwrites CANCELLING | I4, I5
F44 | GET storm | 1,000 GETs of one active run, then of 1,000 different ones, at two APIs | one run: <= 1 call per REFRESH_MAX_AGE over all processes; many: batch calls within the reads' share, intents not delayed
F45 | paging | run moves between offset pages during sweep | none missed two passes in a row
F46 | states | unknown/new engine state word | I11, keep last state, count it
F47 | engine | terminal then "running" again (manual clear in Airflow UI) | I3: drift entry state; never flip silently
F48 | engine | run we do not know (orphan) | listed as drift, adoptable, never deleted
F49 | list | reconcile list slow (4 s/page) | other engines unaffected; breaker; no overlap of passes
## Cancel, retry
F50 | cancel | before trigger | run never reaches engine; CANCELLED
F51 | cancel | races with completion | one terminal state; caller told which
F52 | cancel | engine down | 202, CANCELLING, applied later, state_reason cancel-overdue after the grace
F53 | cancel | engine says ok, pods live on | escalation, stragglers reported
F54 | retry | double retry click | generation +1 once
F55 | retry | late observation of generation 1 after retry | ignored
F56 | retry | kill -9 between DB and engine clear | I2 per generation
F57 | retry | engine retry cleared nothing (empty list) | FAILED again with the reason, nothing pretended
## Two replicas, clocks, resources
F58 | clock | wall clock +1 h / -1 h on one replica | leases and observations by the database's clock and tickets only; no early expiry, no fact dropped
F59 | clock | DB clock steps back 60 s | I12 by seq; leases not negative
F60 | pause | 30 s GC/VM freeze of a replica | as F20
F61 | split | replica A sees DB but not engine, B both | work done by B; A backs off, no lease hogging
F62 | fds | engine leaks connections / no keep-alive | sockets <= maxSockets
F63 | memory | 10 k active, 1,000 tasks each; 2 GB log | I13
## Data: tasks, labels, versions, logs
F64 | tasks | two observers insert the same task run | I14
F65 | tasks | same task title in another workflow | right parent
F66 | version | 20 concurrent POST of one new version | I15: versions 1..k dense, all 201
F67 | version | failed deploy on engine | no ghost; registration FAILED with diagnostics; a run on it is 409
F68 | labels | filter crosses projects; label with %, NUL, 10 k labels | I8, 422
F69 | labels | concurrent PATCH | both applied, none lost
F70 | logs | log rotates/deleted while streaming; engine 404 after GC | 410 + reason, partial marked
F71 | delete | workflow deleted while runs active | 409 or drain; runs keep pinned version
F72 | purge | retention job crash half-way | restartable, referential, no orphan label rows
F73 | events | consumer gets events out of commit order / gap on concurrent commits | I12
`;

export interface FaultRow {
  id: string;
  area: string;
  where: string;
  fault: string;
  mustHold: string;
}

export const FAULT_CATALOGUE: readonly FaultRow[] = readTable(TABLE);

function readTable(table: string): FaultRow[] {
  let area = '';
  return table.split('\n').flatMap((line) => {
    if (line.startsWith('## ')) area = line.slice(3);
    if (!line.startsWith('F')) return [];
    const [id = '', where = '', fault = '', mustHold = ''] = line.split(' | ');
    return [{ id, area, where, fault, mustHold }];
  });
}
