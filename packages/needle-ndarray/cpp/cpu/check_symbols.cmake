# Fails if an object file of the kernels defines a weak function (see array.h). CMakeLists.txt gives NM and FOLDER.
file(GLOB_RECURSE objects ${FOLDER}/_cpu_*.dir/kernels/*.o)
execute_process(COMMAND ${NM} -C ${objects} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[0-9a-f]+ W [^\n]*" weak "${symbols}")
if(weak)
  list(JOIN weak "\n" weak)
  message(FATAL_ERROR "weak functions in kernels, which the linker may prefer to those for any CPU:\n${weak}")
endif()
