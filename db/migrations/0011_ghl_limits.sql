-- Room for calls to a provider that counts them exactly: a call takes a slot before it leaves and keeps it until its window has
-- passed since the answer. The provider received it somewhere between the two, so whatever moment its window begins, no more
-- calls can fall into it than there are slots. Lost in a crash of Postgres, like the other counters.
CREATE UNLOGGED TABLE limit_slots (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    frees_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'done', 'held'))   -- held = the provider said wait: nobody gets a slot
);
CREATE INDEX limit_slots_key ON limit_slots (key, frees_at);
ALTER TABLE limit_slots ENABLE ROW LEVEL SECURITY;   -- no policy: only the functions below get in

-- Takes a slot of a key: its id and no wait; or no id and the seconds to wait. A caller that never gives it back (it crashed)
-- loses it after longest_seconds. The clock is the database's: the callers are on several machines.
CREATE FUNCTION take_slot(wanted text, slots integer, window_seconds double precision, longest_seconds double precision,
                          OUT slot bigint, OUT wait double precision)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    moment timestamptz;
    used bigint;
    next_free timestamptz;
    held_until timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('slot:' || wanted, 0));
    moment := clock_timestamp();
    DELETE FROM limit_slots WHERE key = wanted AND frees_at <= moment;
    SELECT count(*) FILTER (WHERE state <> 'held'), min(frees_at) FILTER (WHERE state = 'done'),
           max(frees_at) FILTER (WHERE state = 'held') INTO used, next_free, held_until FROM limit_slots WHERE key = wanted;
    IF held_until IS NOT NULL THEN
        wait := extract(epoch FROM held_until - moment);
    ELSIF used < slots THEN
        INSERT INTO limit_slots (key, frees_at, state)
        VALUES (wanted, moment + make_interval(secs => window_seconds + longest_seconds), 'running') RETURNING id INTO slot;
        wait := 0;
    ELSE
        -- With every slot in a running call nobody knows when the first will be free: look again soon.
        wait := coalesce(greatest(0.001, extract(epoch FROM next_free - moment)), least(0.1, window_seconds / 10 + 0.01));
    END IF;
END $$;

-- The answer is there: the slot is free again when the window has passed.
CREATE FUNCTION give_slot_back(given bigint, window_seconds double precision)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE limit_slots SET state = 'done', frees_at = clock_timestamp() + make_interval(secs => window_seconds)
    WHERE id = given AND state = 'running'
$$;

-- Nobody gets a slot of the key for so long.
CREATE FUNCTION hold_slots(wanted text, seconds double precision)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO limit_slots (key, frees_at, state) VALUES (wanted, clock_timestamp() + make_interval(secs => seconds), 'held')
$$;

REVOKE EXECUTE ON FUNCTION take_slot, give_slot_back, hold_slots FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_slot, give_slot_back, hold_slots TO frontdesk_app;
