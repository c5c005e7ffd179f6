/* The reason for an error, kept until the same thread asks for it. */
#include <stdarg.h>
#include <stdio.h>

#include "plainc.h"

static _Thread_local char reason[256];

needle_status fail(needle_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  return status;
}

const char *last_error(void *context) {
  (void)context;
  return reason;
}
