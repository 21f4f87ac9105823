#ifndef CPOSTGRES_SHIM_H
#define CPOSTGRES_SHIM_H

#include <libpq-fe.h>

/* The fields of an error, which libpq names by macros of characters that Swift does not see. */
enum {
    CPOSTGRES_SEVERITY = PG_DIAG_SEVERITY_NONLOCALIZED,
    CPOSTGRES_STATE = PG_DIAG_SQLSTATE,
    CPOSTGRES_MESSAGE = PG_DIAG_MESSAGE_PRIMARY,
    CPOSTGRES_DETAIL = PG_DIAG_MESSAGE_DETAIL,
    CPOSTGRES_COLUMN = PG_DIAG_COLUMN_NAME,
};

#endif
