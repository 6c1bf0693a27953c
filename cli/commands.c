#include "cli/commands.h"

/* Adding a command: a file cmd_<name>.c, its name in commands.h, a row here. */
const struct haq_command haq_commands[] = {
    {"inspect", "MODEL [options]", "layers, shapes, MACs, what is quantizable",
     "haq inspect model.onnx", haq_cmd_inspect},
    {"eval", "MODEL --data D.npz [options]",
     "accuracy of a model, with or without a recipe",
     "haq eval model.onnx --data eval.npz --recipe w4.json", haq_cmd_eval},
    {"quantize", "MODEL --weights FORMAT -o R.json [options]",
     "write a uniform recipe",
     "haq quantize model.onnx --calib calib.npz --weights int4:channel -o "
     "w4.json",
     haq_cmd_quantize},
    {"run", "MODEL -i x.npy -o y.npy [options]", "outputs for given inputs",
     "haq run model.onnx -i x.npy -o y.npy", haq_cmd_run},
    {"bench", "MODEL [--weights LIST] [--recipe R.json]... [options]",
     "latency of recipes in alternating rounds, beside the float model",
     "haq bench model.onnx --weights int8,int4,int2 --layers", haq_cmd_bench},
    {"search", "MODEL --eval E.npz --calib C.npz [options]",
     "find the front of accuracy, latency and size",
     "haq search model.onnx --calib calib.npz --eval eval.npz --time 10m "
     "--max-drop 1.0",
     haq_cmd_search},
    {"front", "DIR [options]", "show the front of a finished or running job",
     "haq front model-haq", haq_cmd_front},
    {"export", "DIR|R.json --format F -o OUT [options]",
     "write a point for another tool",
     "haq export model-haq --point knee --format onnx-qdq -o knee.onnx",
     haq_cmd_export},
    {"devices", "[options]", "what this machine can run on",
     "haq devices --capabilities", haq_cmd_devices},
    {0}};
