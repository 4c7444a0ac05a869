/* What a level has set for one element type, taken back. */
#undef BP_REAL
#undef BP_LANES
#undef BP_P
#undef BP_ADD_PRODUCT
#undef BP_MASKED_LOAD
#undef BP_MASKED_STORE
#undef BP_COMPRESS
