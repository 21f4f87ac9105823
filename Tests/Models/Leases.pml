/*
 * Budgets across gateways: the protocol of Sources/GatewayCore/GatewayCore.docc/Leases.md, for one budget, in whole units.
 *
 * Gateways take calls, hold, settle and drain them; they exchange leases with the database, are killed and start again; questions and
 * answers are lost; each learns of a new limit, and of the turn of the window, at a time of its own. Names are the document's.
 *
 * Tests/Models/run checks, over all orders of all steps:
 *   - the database's numbers agree, believed <= granted, and what is spent and held is within what is granted (sane);
 *   - no grant leaves more allocated than the limit that it was asked under, and never is more allocated than the highest limit there was;
 *   - once faults end and calls in flight are over, a call that fits into what is not spent is served (fits; needs LIVENESS).
 *
 * "mine" is used + undrained in every state, so it is no variable. What was held becomes spending at a kill: the next start settles it at its
 * estimate before anything else. A gateway that is down is one that does nothing.
 */

#ifndef GATEWAYS
#define GATEWAYS 3
#endif
#ifndef LIMIT
#define LIMIT 2
#endif
#ifndef CHANGED_LIMIT
#define CHANGED_LIMIT LIMIT
#endif
#ifndef WINDOWS
#define WINDOWS 1
#endif
#ifndef LARGEST
#define LARGEST 1            /* the largest estimate */
#endif

#define AT(g, w) ((g) * WINDOWS + (w))
#define mine(g, w) (used[AT(g, w)] + undrained[AT(g, w)])
#define max(a, b) ((a) > (b) -> (a) : (b))
#define min(a, b) ((a) < (b) -> (a) : (b))

/* The database. */
byte allocated[WINDOWS];
byte spent[WINDOWS];
byte granted[GATEWAYS * WINDOWS];
byte used[GATEWAYS * WINDOWS];
byte wantedBy[WINDOWS];      /* 1 + the gateway that was refused last; 0 when that is long ago */

/* The gateways: what a crash takes, and the journal, which it does not. */
byte limit[GATEWAYS];
byte window[GATEWAYS];
byte waiting[GATEWAYS];      /* the estimate of the call that waits; 0 for none */
bit isOpen[GATEWAYS * WINDOWS];
byte believed[GATEWAYS * WINDOWS];
byte held[GATEWAYS * WINDOWS];
byte undrained[GATEWAYS * WINDOWS];

#ifdef LIVENESS
bit inDoubt[GATEWAYS * WINDOWS];   /* an exchange failed: more may be granted than is believed */
#endif

/* An exchange on its way: asked, then answered. */
mtype = { none, asked, answered };
mtype exchange[GATEWAYS] = none;
byte exWindow[GATEWAYS];
byte exKeep[GATEWAYS];
byte exMinimum[GATEWAYS];
byte exTarget[GATEWAYS];
byte exLimit[GATEWAYS];
byte exGranted[GATEWAYS];
bit exRefused[GATEWAYS];

byte highest = LIMIT;        /* the highest limit that any gateway has had */
bit isQuiet;                 /* no more faults and no more calls but one, of gateway 0 */
bit served;

/* What a transaction of the document's "Exchange" does to the lease of (g, w). */
inline transact(gg, ww, kk, nn, tt, ll, rr, ff) {
    available = ll + granted[AT(gg, ww)] - allocated[ww];
    if
    :: available < nn ->
        rr = kk;
        ff = (nn > kk)
    :: else ->
        rr = kk + (available - kk) / 4;
        rr = max(rr, nn);
        rr = min(rr, tt);
        rr = max(rr, kk);
        ff = false
    fi;
    rr = max(rr, used[AT(gg, ww)]);
#ifdef LIVENESS
    if
    :: ff -> wantedBy[ww] = gg + 1
    :: !ff && wantedBy[ww] == gg + 1 -> wantedBy[ww] = 0
    :: else
    fi;
#endif
    assert(rr <= granted[AT(gg, ww)] || allocated[ww] - granted[AT(gg, ww)] + rr <= ll);
    allocated[ww] = allocated[ww] - granted[AT(gg, ww)] + rr;
    granted[AT(gg, ww)] = rr;
    available = 0
}

inline ask(gg, ww, kk, nn, tt) {
    exWindow[gg] = ww; exKeep[gg] = kk; exMinimum[gg] = nn; exTarget[gg] = tt; exLimit[gg] = limit[gg];
    /* Lowered before it is sent. */
    believed[AT(gg, ww)] = min(believed[AT(gg, ww)], kk);
    exchange[gg] = asked
}

inline forgetExchange(gg) {
    exchange[gg] = none;
    exWindow[gg] = 0; exKeep[gg] = 0; exMinimum[gg] = 0; exTarget[gg] = 0; exLimit[gg] = 0; exGranted[gg] = 0; exRefused[gg] = 0
}

inline sane() {
    i = 0;
    do
    :: i < WINDOWS ->
        sum = spent[i];
        j = 0;
        do
        :: j < GATEWAYS ->
            sum = sum + granted[AT(j, i)] - used[AT(j, i)];
            assert(used[AT(j, i)] <= granted[AT(j, i)]);
            assert(!isOpen[AT(j, i)] || believed[AT(j, i)] <= granted[AT(j, i)]);
            assert(mine(j, i) + held[AT(j, i)] <= granted[AT(j, i)]);
            j++
        :: else -> break
        od;
        assert(sum == allocated[i]);
        assert(allocated[i] <= highest);
        i++
    :: else -> break
    od;
    i = 0; j = 0; sum = 0
}

proctype Gateway(byte g) {
    byte w, i, j, e;
    int available;
    short sum;
    byte result, least, most;
    bit refused;
    do
    /* A call comes. */
    :: atomic { !isQuiet && waiting[g] == 0 -> select(e : 1 .. LARGEST); waiting[g] = e; e = 0 }
    :: atomic { isQuiet && g == 0 && !served && waiting[0] == 0 -> waiting[0] = 1 }

    /* It is let through. */
    :: atomic {
        waiting[g] > 0 && isOpen[AT(g, window[g])] &&
            mine(g, window[g]) + held[AT(g, window[g])] + waiting[g] <= believed[AT(g, window[g])] ->
            if
            :: isQuiet -> served = true
            :: else -> held[AT(g, window[g])] = held[AT(g, window[g])] + waiting[g]
            fi;
            waiting[g] = 0; sane() }

    /* A unit of what is held is settled: spent, or not. */
    :: atomic {
        held[AT(g, 0)] > 0 || held[AT(g, WINDOWS - 1)] > 0 ->
            select(w : 0 .. (WINDOWS - 1));
            if
            :: held[AT(g, w)] > 0 -> held[AT(g, w)]--; if :: undrained[AT(g, w)]++ :: skip fi
            :: else
            fi;
            w = 0; sane() }

    /* A batch: what is settled comes into the ledger. */
    :: atomic {
        (undrained[AT(g, 0)] > 0 || undrained[AT(g, WINDOWS - 1)] > 0) ->
            w = (undrained[AT(g, 0)] > 0 -> 0 : WINDOWS - 1);
            spent[w] = spent[w] + undrained[AT(g, w)];
            used[AT(g, w)] = used[AT(g, w)] + undrained[AT(g, w)];
            if
            :: used[AT(g, w)] > granted[AT(g, w)] ->
                allocated[w] = allocated[w] + used[AT(g, w)] - granted[AT(g, w)]; granted[AT(g, w)] = used[AT(g, w)]
            :: else
            fi;
            undrained[AT(g, w)] = 0; w = 0; sane() }

    /* Opening, with the journal drained; its answer is lost or not. */
    :: atomic {
        exchange[g] == none && !isOpen[AT(g, window[g])] && undrained[AT(g, window[g])] == 0 &&
            (waiting[g] > 0 || granted[AT(g, window[g])] > used[AT(g, window[g])]) ->
            w = window[g];
            e = used[AT(g, w)]; least = e + waiting[g]; most = limit[g];
            transact(g, w, e, least, least, most, result, refused);
            e = 0;
            if
            :: isOpen[AT(g, w)] = true; believed[AT(g, w)] = result; if :: refused -> waiting[g] = 0 :: else fi
            :: !isQuiet
            fi;
            w = 0; result = 0; refused = 0; least = 0; most = 0; sane() }

    /* A question: for the call that waits, */
    :: atomic {
        exchange[g] == none && isOpen[AT(g, window[g])] && waiting[g] > 0 &&
            mine(g, window[g]) + held[AT(g, window[g])] + waiting[g] > believed[AT(g, window[g])] ->
            w = window[g];
            result = mine(g, w) + held[AT(g, w)];
            select(e : 0 .. 1);
            e = max(waiting[g], e);
            least = result + waiting[g]; most = result + e;
            ask(g, w, result, least, most);
            w = 0; e = 0; result = 0; least = 0; most = 0; sane() }
    /* for more in time, */
    :: atomic {
        !isQuiet && exchange[g] == none && isOpen[AT(g, window[g])] && waiting[g] == 0 ->
            w = window[g];
            result = max(believed[AT(g, w)], mine(g, w) + held[AT(g, w)]);
            most = mine(g, w) + held[AT(g, w)] + 1;
            ask(g, w, result, result, most);
            w = 0; result = 0; least = 0; most = 0; sane() }
    /* or to give back: at any time, and for sure when a neighbour wants it or the limit has been lowered. */
    :: atomic {
        exchange[g] == none && isOpen[AT(g, window[g])] && waiting[g] == 0 &&
            (mine(g, window[g]) + held[AT(g, window[g])] < believed[AT(g, window[g])]
#ifdef LIVENESS
            || inDoubt[AT(g, window[g])]
#endif
            ) && (!isQuiet || (wantedBy[window[g]] != 0 && wantedBy[window[g]] != g + 1)) ->
            w = window[g];
            result = mine(g, w) + held[AT(g, w)];
            ask(g, w, result, result, result);
            w = 0; result = 0; least = 0; most = 0; sane() }

    /* The database answers. */
    :: atomic {
        exchange[g] == asked ->
            w = exWindow[g];
            transact(g, w, exKeep[g], exMinimum[g], exTarget[g], exLimit[g], result, refused);
            exGranted[g] = result; exRefused[g] = refused; exchange[g] = answered;
            exKeep[g] = 0; exMinimum[g] = 0; exTarget[g] = 0; exLimit[g] = 0;
            w = 0; result = 0; refused = 0; least = 0; most = 0; sane() }
    /* The gateway hears it. */
    :: atomic {
        exchange[g] == answered ->
            believed[AT(g, exWindow[g])] = exGranted[g];
#ifdef LIVENESS
            inDoubt[AT(g, exWindow[g])] = false;
#endif
            if
            :: exRefused[g] && exWindow[g] == window[g] -> waiting[g] = 0
            :: else
            fi;
            forgetExchange(g); sane() }

    /* Faults. A question is lost before the database has it, or the answer is. */
    :: atomic {
        !isQuiet && exchange[g] != none ->
#ifdef LIVENESS
            inDoubt[AT(g, exWindow[g])] = true;
#endif
            forgetExchange(g); sane() }
    /* kill -9 and a new start: what is on its way happens before it, or never. (A gateway that is down does what one does that does nothing.) */
    :: atomic {
        !isQuiet ->
            if
            :: exchange[g] == asked ->
                w = exWindow[g];
                transact(g, w, exKeep[g], exMinimum[g], exTarget[g], exLimit[g], result, refused);
                result = 0; refused = 0
            :: true
            fi;
            forgetExchange(g);
            waiting[g] = 0;
            w = 0;
            do
            :: w < WINDOWS ->
                undrained[AT(g, w)] = undrained[AT(g, w)] + held[AT(g, w)];
                held[AT(g, w)] = 0; isOpen[AT(g, w)] = false; believed[AT(g, w)] = 0; w++
            :: else -> break
            od;
            w = 0; sane() }

#if CHANGED_LIMIT != LIMIT
    /* The gateway learns of a new limit. */
    :: atomic { limit[g] == LIMIT -> limit[g] = CHANGED_LIMIT; highest = max(highest, CHANGED_LIMIT) }
#endif
#if WINDOWS > 1
    /* The window turns, by this gateway's clock. */
    :: atomic { window[g] == 0 -> window[g] = 1 }
#endif
    /* The mark of a neighbour that wants ages. */
#ifdef LIVENESS
    :: atomic { g == 0 && !isQuiet && wantedBy[WINDOWS - 1] != 0 -> wantedBy[WINDOWS - 1] = 0 }
#endif

    :: served -> break
    od
}

active proctype Everything() {
    byte g;
    atomic {
        do
        :: g < GATEWAYS -> limit[g] = LIMIT; run Gateway(g); g++
        :: else -> break
        od;
        g = 0
    };
#ifdef LIVENESS
    /* At some instant, which may be any, faults end; room is left, calls are over, and everyone knows the limit and the window. */
    atomic {
#if CHANGED_LIMIT != LIMIT
        limit[0] == CHANGED_LIMIT && limit[1] == CHANGED_LIMIT && limit[GATEWAYS - 1] == CHANGED_LIMIT &&
#endif
#if WINDOWS > 1
        window[0] == 1 && window[1] == 1 && window[GATEWAYS - 1] == 1 &&
#endif
        true ->
        g = 0;
        do
        :: g < GATEWAYS ->
            /* Calls in flight are over, those that waited gone. */
            undrained[AT(g, WINDOWS - 1)] = undrained[AT(g, WINDOWS - 1)] + held[AT(g, WINDOWS - 1)];
            held[AT(g, WINDOWS - 1)] = 0; waiting[g] = 0; g++
        :: else -> break
        od;
        g = 0;
        isQuiet = true
    }
#endif
}

#if GATEWAYS == 2
#define spentInAll (mine(0, WINDOWS - 1) + mine(1, WINDOWS - 1))
#else
#define spentInAll (mine(0, WINDOWS - 1) + mine(1, WINDOWS - 1) + mine(2, WINDOWS - 1))
#endif
ltl fits { [] ((isQuiet && spentInAll < CHANGED_LIMIT) -> <> served) }
