#include "worker/worker.h"

int main(int argc, char **argv)
{
    return haq_worker_main(argc, argv, &haq_session_runner);
}
