// What a Dialer in TypeScript looks like with the generated types: it compiles only while they are pleasant to use.
import type { CompletedEvent, Event } from "./event.js";
import type { Job } from "./job.js";
import type { Cancel } from "./cancel.js";

export const job: Job = {
  version: 1,
  import_id: "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11",
  tenant_id: 42,
  source: { key: "tenants/42/uploads/users.csv" },
  fields: {
    role: { column: "Role", names: { Agent: [7], "Team Lead": [7, 8] } },
    virtual_extension: { generate: true },
    tags: { ignore: true },
  },
  sip: { kind: "classic_pbx", pbx_domain_id: 12 },
};

export const cancel: Cancel = { version: 1, import_id: job.import_id, tenant_id: job.tenant_id };

/** The kind of the event decides what is in its data. */
export function show(event: Event): string {
  switch (event.type) {
    case "dialer.import.completed":
      return `${event.data.summary.created} of ${event.data.summary.total}`;
    case "dialer.import.rejected":
      return event.data.message;
    case "dialer.import.failed":
      return event.data.message ?? event.data.reason;
    case "dialer.import.refused":
      return `${event.data.message} ${event.data.path ?? ""}`;
    case "dialer.import.planned":
      return `${event.data.pending} to be tried`;
    case "dialer.import.delayed":
      return `${event.data.message} Next try: ${event.data.next_try_at}`;
    case "dialer.import.cancelled":
    case "dialer.import.progress":
    case "dialer.import.received":
      return event.type;
  }
}

/** All success CSVs of an import: its passwords are nowhere else. */
export function passwords(event: CompletedEvent): string[] {
  const attempts = event.data.attempts ?? [];
  return attempts.filter((attempt) => attempt.created > 0).map((attempt) => attempt.reports.success);
}
