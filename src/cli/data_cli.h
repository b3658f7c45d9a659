/* The actions of `vimogen data`; each takes its own command line and returns an exit status. */
#ifndef VMG_SRC_CLI_DATA_CLI_H
#define VMG_SRC_CLI_DATA_CLI_H

int vmg_cli_data_import(int argc, char **argv);
int vmg_cli_data_caption(int argc, char **argv);
int vmg_cli_data_stats(int argc, char **argv);
int vmg_cli_data_verify(int argc, char **argv);
int vmg_cli_data_sample(int argc, char **argv);
int vmg_cli_data_split(int argc, char **argv);

#endif
