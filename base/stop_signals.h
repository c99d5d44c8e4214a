#ifndef HALFTONE_BASE_STOP_SIGNALS_H_
#define HALFTONE_BASE_STOP_SIGNALS_H_

#include <csignal>

namespace halftone {

// SIGTERM and SIGINT are taken by WaitForStopSignal alone, in whatever thread it is called. To be
// called before any thread is started, so that all of them inherit the mask.
void BlockStopSignals(sigset_t* signals);
// Waits for one of them: its number.
int WaitForStopSignal(const sigset_t& signals);

}  // namespace halftone

#endif  // HALFTONE_BASE_STOP_SIGNALS_H_
