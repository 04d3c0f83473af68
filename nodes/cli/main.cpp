#include <weft/nodes/cli/command_line.hpp>

int main(int argc, char** argv) { return weft::cli::run_command_line(argc, argv); }
