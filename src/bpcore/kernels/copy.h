/* Rows that lie anywhere, copied to where the next product reads them.
 *
 * A call of memcpy costs as much as a row of a table is long, and nothing but us knows which row comes
 * next: rows of a few lines are copied in place and asked for some rows ahead.
 */
#ifndef BPCORE_COPY_H
#define BPCORE_COPY_H

#include <stddef.h>
#include <string.h>

#include "prefetch.h"
#include "tuning.h"

/* A row of 16 bytes or more: whole pieces, the last one laid over the end. */
BP_STEP void bp_copy_row(const char *from, ptrdiff_t bytes, char *to)
{
    ptrdiff_t i = 0;
    for (; i + 64 <= bytes; i += 64) memcpy(to + i, from + i, 64);
    for (; i + 16 <= bytes; i += 16) memcpy(to + i, from + i, 16);
    if (i < bytes) memcpy(to + bytes - 16, from + bytes - 16, 16);
}

/* out (n rows of `bytes`, `apart` bytes from one to the next) = rows order[0], ..., order[n - 1] of
 * `data`, or 0, ..., n - 1 where order is NULL, which lie `stride` bytes apart.
 *
 * known: entries of `order`; the first of those beyond n, which the next call reads, are asked for. */
static void bp_copy_rows(const char *data, ptrdiff_t stride, const ptrdiff_t *order, ptrdiff_t n,
                         ptrdiff_t known, ptrdiff_t bytes, char *out, ptrdiff_t apart)
{
    const ptrdiff_t ahead = BP_COPY_BYTES / (bytes + 64) + 1;
    for (ptrdiff_t k = 0; k < n; k++, out += apart) {
        const char *row = data + (order ? order[k] : k) * stride;
        if (order && k + ahead < known && bytes <= BP_COPY_BYTES) {
            const char *next = data + order[k + ahead] * stride;
            for (ptrdiff_t i = 0; i < bytes; i += 64) BP_PREFETCH(next + i);
            BP_PREFETCH(next + bytes - 1); /* of a line more, where the row begins within one */
        }
        if (bytes == 4) memcpy(out, row, 4);
        else if (bytes == 8) memcpy(out, row, 8);
        else if (bytes < 16 || bytes > BP_COPY_BYTES) memcpy(out, row, (size_t)bytes);
        else bp_copy_row(row, bytes, out);
    }
}

#endif
