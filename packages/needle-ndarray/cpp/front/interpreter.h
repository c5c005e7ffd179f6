// Calls from C++ into Python, which may end the thread that makes them.
#pragma once

#include <Python.h>
#include <unistd.h>

namespace needle {

// Runs f, which calls Python, throws nothing and has no destructors, and may wait for the GIL in doing so. While the
// interpreter ends, that ends the thread (a daemon thread), by unwinding its stack: destructors above f would then use
// objects that are gone. So the thread waits here for the process to end, as Python 3.14 itself lets it.
template <class F>
auto into_python(F f) {
  struct Guard {
    bool returned = false;
    ~Guard() {
      while (!returned) pause();
    }
  } guard;
  auto result = f();
  guard.returned = true;
  return result;
}

// Holds the GIL, which this thread may hold already.
class Gil {
 public:
  Gil() : state_(into_python([] { return PyGILState_Ensure(); })) {}
  ~Gil() { PyGILState_Release(state_); }
  Gil(const Gil &) = delete;
  Gil &operator=(const Gil &) = delete;

 private:
  const PyGILState_STATE state_;
};

}  // namespace needle
