/* What zig links instead of libgcc_s.so.1, which it does not bring. Every Linux has the real one, which comes with the
 * C++ library and with pthread_exit. */
#define PRESENT(name) \
    void name(void) {}

PRESENT(_Unwind_Backtrace)
PRESENT(_Unwind_DeleteException)
PRESENT(_Unwind_FindEnclosingFunction)
PRESENT(_Unwind_ForcedUnwind)
PRESENT(_Unwind_GetCFA)
PRESENT(_Unwind_GetDataRelBase)
PRESENT(_Unwind_GetGR)
PRESENT(_Unwind_GetIP)
PRESENT(_Unwind_GetIPInfo)
PRESENT(_Unwind_GetLanguageSpecificData)
PRESENT(_Unwind_GetRegionStart)
PRESENT(_Unwind_GetTextRelBase)
PRESENT(_Unwind_RaiseException)
PRESENT(_Unwind_Resume)
PRESENT(_Unwind_Resume_or_Rethrow)
PRESENT(_Unwind_SetGR)
PRESENT(_Unwind_SetIP)
