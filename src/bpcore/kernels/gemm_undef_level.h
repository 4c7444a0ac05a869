/* What a level has set for both element types, taken back. */
#undef BP_TARGET
#undef BP_ENTRY
#undef BP_PACKS
#undef BP_DOT_ROWS
#undef BP_ROWS_OF_3
#undef BP_ROWS_OF_2
#undef BP_SUM
#undef BP_REGISTER
