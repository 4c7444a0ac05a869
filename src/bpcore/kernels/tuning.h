/* The tuned numbers that the C loops need when they are compiled; the others stand in
 * _core/tuning.pyx.  Each: value, unit; what it trades; how it was measured.
 */
#ifndef BPCORE_TUNING_H
#define BPCORE_TUNING_H

/* Bytes of a first cache of 32 KB that a block of rows may fill: larger blocks are read less
 * often, until they drive each other out.  Not measured since. */
#define BP_BLOCK_BYTES 20000
/* Bytes: the longest row of which a block of four is taken; longer ones go in parts. */
#define BP_ROW_BYTES 4096
/* Bytes of a second cache of 256 KB that the rows of B may fill while all rows of A pass by. */
#define BP_PANEL_BYTES 163840
/* Rows that are added up at a time: a strip of so many fits the first cache. */
#define BP_DEPTH 256
/* Rows of a result from which on copying a strip pays, where it does at all (BP_PACKS: measured
 * with strips of 96 bytes, not worth it with those of 192). */
#define BP_PACK_FROM 32
/* The same of a strip of more rows than that, wherever they lie: their lines are more than half of a
 * first cache of 32 KB.  AVX2 of Zen 3, 128 x 300 x 256 and 512 x 300 x 256 in both types: 1.03 to 1.18
 * times as fast; 64 x 100 x 128, which is left out, 0.92. */
#define BP_PACK_LONG_FROM 96
#define BP_PACK_LONG 160
/* Numbers that a transposed result may fill on the stack. */
#define BP_SCRATCH 16384
/* Bytes of a first cache of 32 KB that a strip of a transposed operand may fill, three vectors wide, while
 * the rows of the other one pass by. */
#define BP_STRIP_BYTES 24576
/* Inputs below which a call without a plan transposes w first where its rows are worth it; from there
 * on and in a run only the plan does, for all rows alike: results depend on this number. */
#define BP_SHORT_INPUTS 64
/* Inputs from which on shuffled rows may be read by pointer instead of being copied: where w is not
 * transposed.  Results depend on it. */
#define BP_BY_POINTER_INPUTS 256
/* Bytes of rows that are asked for before they are copied, and of the longest row that is: a call of
 * memcpy does the others, whose lines the processor finds itself. */
#define BP_COPY_BYTES 4096
/* Columns from one offset of a compressed row to the next. */
#define BP_OFFSET_STRIDE 16
/* Bytes of a second cache that rows which are added to may fill, beside what is added. */
#define BP_ADD_BYTES 65536
/* Entries of a compressed row in one sum: longer ones round worse. */
#define BP_RUN 512
/* Entries of rows that are nearly empty whose weights are fetched into the caches meanwhile. */
#define BP_ENTRIES_AHEAD 16
/* Turns of a waiting loop before a thread gives its processor away. */
#define BP_SPINS 5000

#endif
