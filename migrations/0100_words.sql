-- Comments in the words that the program uses now: rescue for the search for lost messages, marker for what it sends through
-- the queues, retry for a message that is tried again. Names of tables and columns stay as they are.

COMMENT ON COLUMN imports.imports.tries IS 'How often a message of this import was sent round by a delay queue after an error.';
COMMENT ON COLUMN imports.imports.progress_at IS
    'When the import last made progress; in the future while one of its messages is known to wait in a delay queue.';
COMMENT ON COLUMN imports.imports.sweeps IS
    'How often the rescue has published its job again since then, because its messages were lost.';
COMMENT ON TABLE imports.probes IS
    'Markers of the rescue that are under way. Queues keep their order: when a marker comes out of its queue, every message that was put in before it has come out too.';
COMMENT ON COLUMN imports.probes.round IS 'All queues are marked in one round; markers of an earlier round that come late do not count.';
COMMENT ON COLUMN imports.probes.sent_at IS 'When the marker was last sent: a marker can be lost like any message.';
COMMENT ON COLUMN imports.probes.returned_at IS 'When it came out of its queue.';
