// Errors of the front: a kind, which decides the Python exception, and the text in the one form of all of Needle.
#pragma once

#include <stdexcept>
#include <string>

namespace needle {

enum class ErrorKind { value, type, index, overflow, memory, not_implemented, backend, buffer };

struct Error : std::runtime_error {
  Error(ErrorKind kind, const std::string &text) : std::runtime_error(text), kind(kind) {}
  ErrorKind kind;
};

// Throws "[op] problem; got ...; expected ...; hint: ...", without the parts that are empty.
[[noreturn]] inline void fail(ErrorKind kind, const std::string &op, const std::string &problem,
                              const std::string &got = "", const std::string &expected = "",
                              const std::string &hint = "") {
  std::string text = "[" + op + "] " + problem;
  if (!got.empty()) text += "; got " + got;
  if (!expected.empty()) text += "; expected " + expected;
  if (!hint.empty()) text += "; hint: " + hint;
  throw Error(kind, text);
}

}  // namespace needle
